//go:build tools

// Package tools pins the Gitea server that the acceptance tests mint tokens at.
package tools

import _ "code.gitea.io/gitea"
