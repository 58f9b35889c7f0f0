/** Where the tables live: one server, or a cluster with replicated local tables behind distributed ones. */
export interface SchemaTarget {
  /** Name to create a table under. */
  table(name: string): string
  /** The engine clause for it. */
  engine(kind: 'MergeTree' | 'SummingMergeTree' | 'AggregatingMergeTree', argument?: string): string
}

/** One step of the schema. Its statements must be harmless when repeated: a crash may fall between two of them. */
export interface Migration {
  name: string
  statements(target: SchemaTarget): string[]
}
