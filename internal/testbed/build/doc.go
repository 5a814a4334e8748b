// Package build finds the real servers that the tests and the demo run
// against, and gets those that the machine lacks: it builds them with the Go
// toolchain, installs them with npm, or unpacks Debian's packages of them.
//
// A server has a module or package of its own under scripts/servers, so that
// its dependencies stay out of the plugin's. The result is kept outside the
// tree and serves every later run.
//
// It starts none of them: the packages named after servers do, on package daemon.
package build
