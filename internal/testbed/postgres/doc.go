// Package postgres runs a real PostgreSQL on loopback that forgets everything
// when it ends. It is no provider: servers that are keep their data in it.
package postgres
