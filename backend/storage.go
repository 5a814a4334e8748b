package backend

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// errUnreadable means that what is stored is not what the engine stores there:
// trying again will not mend it.
var errUnreadable = errors.New("what is stored there cannot be read")

// read decodes the JSON at path; nil when nothing is stored there.
func read[T any](ctx context.Context, s logical.Storage, path string) (*T, error) {
	entry, err := s.Get(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if entry == nil {
		return nil, nil
	}
	value := new(T)
	if err := entry.DecodeJSON(value); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, errUnreadable, err)
	}
	return value, nil
}

// write stores value as JSON at path.
func write(ctx context.Context, s logical.Storage, path string, value any) error {
	entry, err := logical.StorageEntryJSON(path, value)
	if err != nil {
		return err
	}
	return s.Put(ctx, entry)
}

// unlessUnreadable sorts out an error of reading one of many entries: broken
// gathers what cannot be read, and any other error ends the reading.
func unlessUnreadable(err error, broken *error) error {
	if errors.Is(err, errUnreadable) {
		*broken = errors.Join(*broken, err)
		return nil
	}
	return err
}
