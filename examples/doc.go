// Package examples has ways to use keys, each in a folder of its own. Its tests
// follow what their READMEs say.
package examples
