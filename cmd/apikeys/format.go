package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

type formatCommand struct {
	Files []string `arg:"" name:"file" help:"Definitions to rewrite in place; - is standard input, answered on standard output."`
	Check bool     `help:"Rewrite nothing; name the files that are laid out otherwise, and fail if there are any."`
}

func (c *formatCommand) Run(out io.Writer) error {
	odd := false
	for _, file := range c.Files {
		source, err := readSource(file)
		if err != nil {
			return err
		}
		// What is no HCL would be laid out by guesswork.
		if _, found := hclsyntax.ParseConfig(source, file, hcl.InitialPos); found.HasErrors() {
			return fmt.Errorf("%s is not laid out, since it cannot be read: %w", file, found)
		}
		laidOut := hclwrite.Format(source)
		switch {
		case file == "-" && !c.Check:
			if _, err := out.Write(laidOut); err != nil {
				return err
			}
			continue
		case bytes.Equal(source, laidOut):
			continue
		}
		odd = true
		fmt.Fprintln(out, file)
		if !c.Check {
			if err := rewrite(file, laidOut); err != nil {
				return err
			}
		}
	}
	if odd && c.Check {
		return errSilent
	}
	return nil
}

// rewrite replaces a file's contents and keeps its mode.
func rewrite(file string, contents []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, contents, info.Mode().Perm())
}
