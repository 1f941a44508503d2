"""Pictures in: files, folders, cameras, and how the camera itself moves."""
