"""Where a person will be: batched Kalman filters in closed form, and the models they move by."""
