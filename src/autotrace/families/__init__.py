"""Choke points that several SDKs share: targets, routes and stream seams, to be used by those SDKs' plugins."""
