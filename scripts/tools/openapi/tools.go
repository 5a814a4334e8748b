//go:build tools

// Package tools pins what a client generated from the engine's OpenAPI document
// is made of.
package tools

import _ "github.com/oapi-codegen/runtime"
