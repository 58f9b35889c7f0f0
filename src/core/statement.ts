/** SQL text with bound parameters (`{name:Type}` in the text). What `query` emits and `store` runs. */
export interface Statement {
  sql: string
  params: Readonly<Record<string, StatementParameter>>
}

/** Bigints for DateTime64 parameters are nanoseconds, passed as Int64. */
export type StatementParameter = string | number | bigint | boolean | readonly string[] | readonly number[]
