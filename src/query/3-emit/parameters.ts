import type { Statement, StatementParameter } from '../../core/statement.ts'

/**
 * ClickHouse refuses a request with more than 1,000 fields, so many values travel in arrays: short ones, because each
 * use of an element copies its array.
 */
const SEPARATE_MAX = 200
const CHUNK = 32

/**
 * The values of one statement. Whatever a user wrote goes in here and stands in the SQL only as `{p0:String}`; the
 * same value gets the same name.
 */
export class Parameters {
  readonly #values: Record<string, StatementParameter> = {}
  readonly #names = new Map<string, string>()

  text(value: string): string {
    return this.#add('String', value)
  }

  /** Must be finite. */
  number(value: number): string {
    return this.#add('Float64', value)
  }

  int64(value: bigint): string {
    return this.#add('Int64', value)
  }

  texts(values: readonly string[]): string {
    return this.#add('Array(String)', values)
  }

  /** The finished statement. `sql` must have been written by this program alone, with what the methods above gave. */
  statement(sql: string): Statement {
    if (this.#names.size <= SEPARATE_MAX) return { sql, params: this.#values }
    const params: Record<string, StatementParameter> = {}
    const places = new Map<string, string>()
    const texts: string[] = []
    const numbers: number[] = []
    for (const [name, value] of Object.entries(this.#values)) {
      if (typeof value === 'string') places.set(name, place('texts', 'String', texts.push(value)))
      else if (typeof value === 'number') places.set(name, place('numbers', 'Float64', numbers.push(value)))
      else params[name] = value
    }
    for (let from = 0; from < texts.length; from += CHUNK)
      params[`texts${from / CHUNK}`] = texts.slice(from, from + CHUNK)
    for (let from = 0; from < numbers.length; from += CHUNK)
      params[`numbers${from / CHUNK}`] = numbers.slice(from, from + CHUNK)
    return { sql: sql.replace(/\{(p\d+):[^}]*\}/g, (whole, name: string) => places.get(name) ?? whole), params }
  }

  #add(type: string, value: StatementParameter): string {
    const key = `${type} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
    let name = this.#names.get(key)
    if (name === undefined) {
      name = `p${this.#names.size}`
      this.#names.set(key, name)
      this.#values[name] = value
    }
    return `{${name}:${type}}`
  }
}

/** The `count`-th value of a kind, as an element of its chunk. */
function place(name: string, type: string, count: number): string {
  const chunk = Math.floor((count - 1) / CHUNK)
  return `{${name}${chunk}:Array(${type})}[${count - chunk * CHUNK}]`
}
