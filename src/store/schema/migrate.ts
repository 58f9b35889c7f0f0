import type { Connection } from '../connection.ts'
import { EVENTS } from './001-events.ts'
import { FIELDS } from './002-fields.ts'
import { EVENTLOG } from './003-eventlog.ts'
import { DELETIONS } from './004-deletions.ts'
import { HOSTS } from './005-hosts.ts'
import type { Migration, SchemaTarget } from './migration.ts'

/** In the order in which they are applied. Never change one that was released: add another. */
const MIGRATIONS: readonly Migration[] = [EVENTS, FIELDS, EVENTLOG, DELETIONS, HOSTS]

/** Brings the schema of this database up to date; what was applied is recorded in the table `migrations`. */
export async function migrate(connection: Connection, target: SchemaTarget): Promise<void> {
  await connection.command(
    `CREATE TABLE IF NOT EXISTS migrations (name String, applied DateTime DEFAULT now())
     ENGINE = MergeTree ORDER BY name SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
  )
  const rows = await connection.rows<{ name: string }>('SELECT name FROM migrations')
  const applied = new Set(rows.map((row) => row.name))
  for (const migration of MIGRATIONS) {
    if (applied.has(migration.name)) continue
    for (const sql of migration.statements(target)) await connection.command(sql)
    await connection.command(
      { sql: 'INSERT INTO migrations (name) VALUES ({name:String})', params: { name: migration.name } },
      { async_insert: 0 },
    )
  }
}
