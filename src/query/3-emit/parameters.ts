import type { StatementParameter } from '../../core/statement.ts'

/**
 * The values of one statement. Whatever a user wrote goes in here and stands in the SQL only as `{p0:String}`; the
 * same value gets the same name.
 */
export class Parameters {
  readonly values: Record<string, StatementParameter> = {}
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

  #add(type: string, value: StatementParameter): string {
    const key = `${type} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
    let name = this.#names.get(key)
    if (name === undefined) {
      name = `p${this.#names.size}`
      this.#names.set(key, name)
      this.values[name] = value
    }
    return `{${name}:${type}}`
  }
}
