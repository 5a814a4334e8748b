//go:build tools

// Package tools pins the Consul that the integration tests make keys at.
package tools

import _ "github.com/hashicorp/consul"
