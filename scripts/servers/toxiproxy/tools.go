//go:build tools

// Package tools pins the proxy that spoils connections in the integration
// tests.
package tools

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
