// Every statement of the store, prepared once.
import type { Database } from './driver.ts'

export type Statements = ReturnType<typeof prepareStatements>

export function prepareStatements(db: Database) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    rollback: db.prepare('ROLLBACK'),
    version: db.prepare('SELECT version FROM services WHERE service = ?'),
    insert: db.prepare('INSERT INTO entries (service, seq, entry) VALUES (?, ?, ?)'),
    replace: db.prepare(`
      INSERT INTO services (service, version, record) VALUES (?, ?, ?)
      ON CONFLICT (service) DO UPDATE SET version = excluded.version, record = excluded.record`),
    load: db.prepare('SELECT service, version, record FROM services WHERE service = ?'),
    list: db.prepare('SELECT service, version, record FROM services'),
    history: db.prepare('SELECT * FROM entries WHERE service = ? AND seq > ? ORDER BY seq LIMIT ?'),
    after: db.prepare('SELECT * FROM entries WHERE cursor > ? ORDER BY cursor LIMIT ?'),
    head: db.prepare('SELECT coalesce(max(cursor), 0) AS head FROM entries'),
    foreign: db.prepare('PRAGMA data_version'),
  }
}
