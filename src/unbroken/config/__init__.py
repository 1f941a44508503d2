"""What a user may write: settings with units and bounds."""
