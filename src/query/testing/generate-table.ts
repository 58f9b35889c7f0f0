/** For tests: queries of every pipe, meant to find a difference between SQL and the evaluation in memory. */
import fc from 'fast-check'
import type { EventInput } from '../../core/batch.ts'
import { hostileEvent, rowQueryText } from './generate.ts'

const DAY_NS = 1_767_571_200_000_000_000n

/** Events that fall into groups: few services, numbers that repeat, times within an hour. */
const ordinaryEvent: fc.Arbitrary<EventInput> = fc.record({
  timestampNs: fc.bigInt({ min: 0n, max: 59n * 60n }).map((seconds) => DAY_NS + seconds * 1_000_000_000n),
  severity: fc.constantFrom(0, 5, 9, 10, 13, 17, 18, 21, 24),
  service: fc.constantFrom('', 'billing', 'Billing', 'auth', 'api', 'ж', '10', '9'),
  host: fc.constantFrom('web-1', 'web-2', ''),
  message: fc.constantFrom('a', 'b ms=12', 'user=bob ms=3', '{"ms":7,"user":"ann"}', ''),
  attributes: fc
    .record(
      {
        status: fc.constantFrom('200', '404', '500', '5e2', 'none', '', 'inf', 'nan', '-0'),
        ms: fc.oneof(fc.integer({ min: -5, max: 3000 }).map(String), fc.constantFrom('0.1', '1e-3', '2.5', '12ms')),
        user: fc.constantFrom('ann', 'bob', 'Ann', ''),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    .map((entries) => new Map(Object.entries(entries))),
})

export const mixedEvent = fc.oneof({ weight: 3, arbitrary: ordinaryEvent }, { weight: 1, arbitrary: hostileEvent })

const field = fc.constantFrom('service', 'host', 'status', 'ms', 'user', 'level', 'message', 'node', 'trace_id', 'a')
const timeField = fc.constantFrom('timestamp', 'received')
const sortField = fc.oneof({ weight: 4, arbitrary: field }, { weight: 1, arbitrary: timeField })
const interval = fc.constantFrom('1m', '5m', '1h', '1d', '1w', '90s')
const count = fc.integer({ min: 1, max: 30 })

interface Column {
  name: string
  type: 'number' | 'text' | 'level' | 'time'
}

/** Text of some pipes, and the columns of the table that they made if they did. */
interface Piece {
  text: string
  columns: readonly Column[] | undefined
}

const numberField = fc.constantFrom('ms', 'status', 'a', 'user')
const numberTest = fc.constantFrom('>0', '<5', '>=1', '3', '*', '1..9', '..2', '404', '1e3')
const testOf = ({ name, type }: Column): fc.Arbitrary<string> => {
  const values = {
    number: numberTest,
    level: fc.constantFrom('error', '>=warn', '<info', '*', 'unknown', 'e*'),
    time: fc.constantFrom('2026-01-05', '>=2026-01-05T00:30', '<2026-01-05T00:10:00', '*'),
    text: fc.constantFrom('billing', '*', 'b*', '>=5', '<m', '/^a/', '200..404'),
  }
  return fc.tuple(values[type], fc.boolean()).map(([value, isNot]) => `${isNot ? '-' : ''}${name}:${value}`)
}

/** One function and the type of what it gives. */
type Function = fc.Arbitrary<{ text: string; type: Column['type'] }>

const number = (text: fc.Arbitrary<string>): Function => text.map((text) => ({ text, type: 'number' }))

/** `count() c0, avg(ms) c1`: names tell which of the tables of one query they are of. */
function functions(
  of: readonly Column[] | undefined,
  prefix: string,
): fc.Arbitrary<{ text: string; column: Column }[]> {
  const any: fc.Arbitrary<Column> = of
    ? fc.constantFrom(...of)
    : sortField.map((name) => ({ name, type: typeOfName(name) }))
  const numbers = of?.filter(({ type }) => type === 'number' || type === 'text') ?? []
  const numeric = numbers.length > 0 ? fc.constantFrom(...numbers).map(({ name }) => name) : numberField
  const called = (names: readonly string[], argument: fc.Arbitrary<string>): Function =>
    number(fc.tuple(fc.constantFrom(...names), argument).map(([name, field]) => `${name}(${field})`))
  const one = fc.oneof(
    number(fc.constant('count()')),
    ...(of ? [] : [number(fc.constant('rate()'))]),
    called(
      ['count', 'uniq'],
      any.map(({ name }) => name),
    ),
    called(['sum', 'avg', 'p50', 'p90', 'p99'], numeric),
    number(fc.tuple(fc.constantFrom('0', '0.25', '1'), numeric).map((both) => `quantile(${both.join(', ')})`)),
    fc.tuple(fc.constantFrom('min', 'max'), any).map(([least, { name, type }]) => ({
      text: `${least}(${name})`,
      type: type === 'text' ? ('number' as const) : type,
    })),
  )
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((all) =>
    all.map(({ text, type }, index) => {
      const name = `${prefix}${index}`
      return { text: `${text} ${name}`, column: { name, type } }
    }),
  )
}

const typeOfName = (name: string): Column['type'] =>
  name === 'level' ? 'level' : name === 'timestamp' || name === 'received' ? 'time' : 'text'

function tablePipe(of: readonly Column[] | undefined, prefix: string): fc.Arbitrary<Piece> {
  const groupFields: fc.Arbitrary<Column> = of
    ? fc.constantFrom(...of)
    : sortField.map((name) => ({ name, type: typeOfName(name) }))
  const bin = of ? [] : [interval.map((length): Column => ({ name: `bin(${length})`, type: 'time' }))]
  const groups = fc.uniqueArray(
    fc.oneof({ weight: 3, arbitrary: groupFields }, ...bin.map((arbitrary) => ({ weight: 1, arbitrary }))),
    {
      maxLength: 3,
      selector: ({ name }) => (name.startsWith('bin(') ? 'time' : name),
    },
  )
  const shown = (group: Column): Column => (group.name.startsWith('bin(') ? { name: 'time', type: 'time' } : group)
  const stats = fc.tuple(functions(of, prefix), groups).map(([all, by]): Piece => ({
    text: `stats ${all.map(({ text }) => text).join(', ')}${by.length === 0 ? '' : ` by ${by.map(({ name }) => name).join(', ')}`}`,
    columns: [...by.map(shown), ...all.map(({ column }) => column)],
  }))
  const top = fc
    .tuple(count, fc.uniqueArray(groupFields, { minLength: 1, maxLength: 2, selector: ({ name }) => name }))
    .map(([most, [field, by]]): Piece => ({
      text: `top ${most} ${field?.name}${by ? ` by ${by.name}` : ''}`,
      columns: [...(by ? [by] : []), ...(field ? [field] : [])],
    }))
  if (of) return fc.oneof(stats, top)
  const chart = fc
    .tuple(fc.option(interval), functions(of, prefix), fc.option(groupFields))
    .map(([length, all, by]): Piece => ({
      text: `timechart ${length ?? ''} ${all.map(({ text }) => text).join(', ')}${by ? ` by ${by.name}` : ''}`,
      columns: [{ name: 'time', type: 'time' }, ...(by ? [by] : []), ...all.map(({ column }) => column)],
    }))
  return fc.oneof({ weight: 3, arbitrary: stats }, { weight: 1, arbitrary: top }, { weight: 2, arbitrary: chart })
}

const direction = fc.constantFrom('', ' asc', ' desc')
const sortPipe = (name: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(name, direction), { minLength: 1, maxLength: 2 })
    .map((keys) => `sort by ${keys.map((key) => key.join('')).join(', ')}`)

/** Pipes that keep the kind of the rows. */
function keepingPipe({ columns }: Piece): fc.Arbitrary<Piece> {
  const limit = count.map((most) => `limit ${most}`)
  if (!columns) {
    const where = fc.constantFrom(
      'where level:>=warn',
      'where -service:auth',
      'where ms:>10',
      'parse json',
      'parse logfmt',
    )
    return fc.oneof(limit, where, sortPipe(sortField)).map((text) => ({ text, columns }))
  }
  const where = fc.constantFrom(...columns).chain((column) => testOf(column).map((test) => `where ${test}`))
  const kept = fc.oneof(limit, where, sortPipe(fc.constantFrom(...columns).map(({ name }) => name)))
  const fields = fc.shuffledSubarray([...columns], { minLength: 1 }).map((some): Piece => ({
    text: `fields ${some.map(({ name }) => name).join(', ')}`,
    columns: some,
  }))
  return fc.oneof(
    { weight: 4, arbitrary: kept.map((text): Piece => ({ text, columns })) },
    { weight: 1, arbitrary: fields },
  )
}

/** One to three further pipes, one of which may make a table. */
function further(piece: Piece, depth: number): fc.Arbitrary<Piece> {
  const next = fc.oneof(
    { weight: 2, arbitrary: keepingPipe(piece) },
    ...(depth < 2 ? [{ weight: 2, arbitrary: tablePipe(piece.columns, `c${depth}`) }] : []),
  )
  const joined = next.map(({ text, columns }) => ({ text: `${piece.text} | ${text}`, columns }))
  return joined.chain((made) => {
    const isTable = made.columns !== piece.columns && made.columns !== undefined
    return fc.oneof(
      { weight: 1, arbitrary: fc.constant(made) },
      ...(made.text.split('|').length < 6
        ? [{ weight: 2, arbitrary: further(made, isTable ? depth + 1 : depth) }]
        : []),
    )
  })
}

const filter = fc.oneof(
  { weight: 2, arbitrary: fc.constant('') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('service:billing', 'level:>=warn', 'ms:>=0', 'time:2026-01-05', 'nothinglikethis'),
  },
  { weight: 1, arbitrary: rowQueryText },
)

/** Queries that a search takes, most of them with a sort, a limit or a table. */
export const queryText: fc.Arbitrary<string> = filter.chain((text) =>
  further({ text, columns: undefined }, 0).map((piece) => piece.text),
)
