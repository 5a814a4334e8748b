package stored

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// ErrUnreadable means that what is stored is not what the engine stores there:
// trying again will not mend it.
var ErrUnreadable = errors.New("what is stored there cannot be read")

// Read decodes the JSON at path; nil when nothing is stored there.
func Read[T any](ctx context.Context, s logical.Storage, path string) (*T, error) {
	entry, err := s.Get(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if entry == nil {
		return nil, nil
	}
	value := new(T)
	if err := entry.DecodeJSON(value); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrUnreadable, err)
	}
	return value, nil
}

// Write stores value as JSON at path.
func Write(ctx context.Context, s logical.Storage, path string, value any) error {
	entry, err := logical.StorageEntryJSON(path, value)
	if err != nil {
		return err
	}
	return s.Put(ctx, entry)
}

// UnlessUnreadable sorts out an error of reading one of many entries: broken
// gathers what cannot be read, and any other error ends the reading.
func UnlessUnreadable(err error, broken *error) error {
	if errors.Is(err, ErrUnreadable) {
		*broken = errors.Join(*broken, err)
		return nil
	}
	return err
}
