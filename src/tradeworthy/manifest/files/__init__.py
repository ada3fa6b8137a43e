"""Shell: manifests, working trees and the environment as they stand on this machine."""
