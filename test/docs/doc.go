// Package docs follows the README and the pages of docs word by word: it runs
// every command that they show, block by block, at a real Vault and a sandbox.
//
// A block of commands is fenced as sh. A page's blocks are one session, in which
// an unset variable or a command that fails ends the page. What a page takes for
// granted stands in a comment that begins with "before:", which is run but not
// shown. A block that cannot be run has "<!-- not run: REASON -->" above it. A page
// that begins at a Vault without the plugin says "<!-- vault: bare -->".
package docs
