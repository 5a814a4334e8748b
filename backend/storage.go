package backend

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

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
		return nil, fmt.Errorf("decoding %s: %w", path, err)
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
