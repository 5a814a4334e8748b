//go:build tools

// Package tools pins the Miniflux that the integration tests make keys at.
package tools

import _ "miniflux.app/v2"
