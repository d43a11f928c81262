"""The script for the browser, and the events of pages that speak the older format of user activity."""
