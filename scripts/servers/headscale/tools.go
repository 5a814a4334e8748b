//go:build tools

// Package tools pins the Headscale that the integration tests make keys at.
package tools

import _ "github.com/juanfont/headscale/cmd/headscale"
