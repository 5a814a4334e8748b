//go:build tools

// Package tools pins Terraform's provider for Vault.
package tools

import _ "github.com/terraform-providers/terraform-provider-vault"
