/** Where the tables live: one server, or a cluster with replicated local tables behind distributed ones. */
export interface SchemaTarget {
  /**
   * Statements that create a table. `engine` is of the MergeTree family, with its arguments. `shardBy` spreads what is
   * written through the table over the servers of a cluster; without it the table is only read through.
   */
  create(name: string, columns: string, engine: string, clauses: string, shardBy?: string): string[]
  /** Statements that create a view filling the table `into` from what is inserted into events. */
  view(name: string, into: string, select: string): string[]
  /**
   * Statement that fills the table `into` with what such a view would have made of the events there are. Where servers
   * are not told of each other's tables, each fills its own.
   */
  fill(into: string, columns: string, select: string): string
  /** Statement that drops a partition, by its number, on every server. */
  dropPartition(name: string, partition: number): string
  /** Statement that deletes rows for good, on every server, in the background. */
  deleteFrom(name: string, condition: string): string
  /** `FROM` clause of the deletions that are under way. */
  mutations(name: string): string
  /** Statement that gives them up. */
  killMutations(name: string): string
  /** `FROM` clause of what `system.parts` of all servers say about the parts of these tables. */
  parts(names: readonly string[]): string
}

/** One step of the schema. Its statements must be harmless when repeated: a crash may fall between two of them. */
export interface Migration {
  name: string
  statements(target: SchemaTarget): string[]
}

/** One server, whatever it is. */
export const SINGLE_SERVER: SchemaTarget = {
  create: (name, columns, engine, clauses) => [
    `CREATE TABLE IF NOT EXISTS ${name} ${columns} ENGINE = ${engine} ${clauses}`,
  ],
  view: (name, into, select) => [`CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${into} AS ${select}`],
  fill: (into, columns, select) => `INSERT INTO ${into} (${columns}) ${select}`,
  dropPartition: (name, partition) => `ALTER TABLE ${name} DROP PARTITION ${partition}`,
  deleteFrom: (name, condition) => `ALTER TABLE ${name} DELETE WHERE ${condition}`,
  mutations: (name) => `system.mutations WHERE ${undone(name)}`,
  killMutations: (name) => `KILL MUTATION WHERE ${undone(name)} SYNC`,
  parts: (names) => `system.parts WHERE active AND database = currentDatabase() AND table IN (${quoted(names)})`,
}

/** The suffix of the tables that hold data behind a distributed one of the plain name. */
export const LOCAL = '_local'

/**
 * A cluster by its name in `remote_servers`: replicated tables on every server, a distributed table in front that
 * spreads each block by its rows. Needs `{shard}` and `{replica}` macros and Keeper, as replication does everywhere.
 */
export function clusterTarget(cluster: string, isReplicated = true): SchemaTarget {
  const on = isReplicated ? `ON CLUSTER '${cluster}'` : ''
  return {
    create: (name, columns, engine, clauses, shardBy) => [
      `CREATE TABLE IF NOT EXISTS ${name}${LOCAL} ${on} ${columns} ENGINE = ${isReplicated ? 'Replicated' : ''}${engine} ${clauses}`,
      `CREATE TABLE IF NOT EXISTS ${name} ${on} AS ${name}${LOCAL} ENGINE = Distributed('${cluster}', currentDatabase(), '${name}${LOCAL}'${shardBy === undefined ? '' : `, ${shardBy}`})`,
    ],
    view: (name, into, select) => [
      `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} ${on} TO ${into}${LOCAL} AS ${ofLocal(select)}`,
    ],
    fill: (into, columns, select) =>
      isReplicated
        ? `INSERT INTO ${into} (${columns}) ${select}`
        : `INSERT INTO ${into}${LOCAL} (${columns}) ${ofLocal(select)}`,
    dropPartition: (name, partition) => `ALTER TABLE ${name}${LOCAL} ${on} DROP PARTITION ${partition}`,
    deleteFrom: (name, condition) => `ALTER TABLE ${name}${LOCAL} ${on} DELETE WHERE ${condition}`,
    mutations: (name) => `cluster('${cluster}', system.mutations) WHERE ${undone(name + LOCAL)}`,
    killMutations: (name) => `KILL MUTATION ${on} WHERE ${undone(name + LOCAL)} SYNC`,
    parts: (names) =>
      `cluster('${cluster}', system.parts) WHERE active AND database = currentDatabase() AND table IN (${quoted(names.map((name) => name + LOCAL))})`,
  }
}

/** The same of what is on this server only. */
function ofLocal(select: string): string {
  return select.replaceAll('FROM events', `FROM events${LOCAL}`)
}

function undone(name: string): string {
  return `NOT is_done AND database = currentDatabase() AND table = '${name}'`
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}
