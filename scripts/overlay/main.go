// Overlay prints the path of the file that `go test -overlay` takes to build the
// simulation with a runtime that takes its turns the same way each time. It is
// written to the folder that is named as its argument, of which the last part begins with
// "_" where it lies in a module, so that nothing takes it for packages.
package main

import (
	"fmt"
	"os"

	"vault-plugin-secrets-apikeys/internal/testbed/replay"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "say to which folder: overlay FOLDER")
		os.Exit(2)
	}
	path, err := replay.Overlay(os.Args[1], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}
