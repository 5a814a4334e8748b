//go:build tools

// Package tools pins consul-template, one of those who read keys in the
// integration tests.
package tools

import _ "github.com/hashicorp/consul-template"
