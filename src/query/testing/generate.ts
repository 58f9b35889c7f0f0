/** For tests: events and query texts meant to find a difference between SQL and selector. */
import fc from 'fast-check'
import type { EventInput } from '../../core/batch.ts'

/** Pieces of text that have ended in trouble somewhere: case, bytes, numbers, patterns, quoting. */
export const PIECES: readonly string[] = [
  '',
  'a',
  'A',
  'b',
  'err',
  'ERR',
  'Reset',
  'k',
  'K',
  '\u212a',
  's',
  'S',
  '\u017f',
  'ß',
  'ẞ',
  'ss',
  'İ',
  'i',
  'I',
  'ı',
  'Σ',
  'σ',
  'ς',
  'é',
  'É',
  'e\u0301',
  'Ж',
  'ж',
  'ﬀ',
  'ǅ',
  'ǆ',
  '𐐀',
  '𐐨',
  '💩',
  '\ufffd',
  '\uffff',
  '\u2028',
  '\u00a0',
  '日本',
  '\0',
  '\n',
  '\r',
  '\t',
  '\b',
  '\\',
  '\\\\',
  '\\n',
  '%',
  '_',
  '*',
  '?',
  '"',
  "'",
  '`',
  '$',
  '^',
  '.',
  '..',
  '|',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '/',
  '-',
  ':',
  ',',
  '=',
  ';',
  '#',
  ' ',
  '  ',
  '0',
  '1',
  '42',
  '500',
  '404',
  '-1',
  '+1',
  '-0',
  '1.5',
  '1.',
  '.5',
  '1e3',
  '1E3',
  '1e400',
  'inf',
  'Infinity',
  '-inf',
  'nan',
  'NaN',
  '0x10',
  '1_000',
  '9007199254740993',
  '9007199254740992',
  '00042',
  '1e',
  '{p0:String}',
  '{',
  "') OR 1=1 --",
  'NULL',
  'attributes',
  '\\x41',
  '\\E',
  '\\Q',
  '(?i)',
  'user=bob',
  'a="x \\" y"',
  'k=v',
]

/** Characters that every version of Unicode in use knows: the engines' classes may be of different age. */
const oldCharacter = fc
  .oneof(
    fc.integer({ min: 0, max: 0x2ff }),
    fc.integer({ min: 0x370, max: 0x3ff }),
    fc.integer({ min: 0x400, max: 0x52f }),
    fc.integer({ min: 0x1e00, max: 0x20a0 }),
    fc.integer({ min: 0x4e00, max: 0x9fa5 }),
    fc.integer({ min: 0x10400, max: 0x1044f }),
    fc.integer({ min: 0x1f600, max: 0x1f64f }),
  )
  .map((code) => String.fromCodePoint(code))

export const piece = fc.constantFrom(...PIECES)
export const hostileText = fc.oneof(
  { weight: 6, arbitrary: fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: oldCharacter, maxLength: 8 }) },
)

const ATTRIBUTE_NAMES = [
  'status',
  'user',
  'a',
  'A',
  'time',
  'x.y',
  "it's",
  'weird "name"',
  'a\\b',
  '日本',
  '{p0:String}',
  'k',
]

/** JSON texts, mostly good ones. */
const jsonText = fc.oneof(
  fc
    .dictionary(fc.constantFrom(...ATTRIBUTE_NAMES), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
    .map((value) => JSON.stringify(value)),
  fc.constantFrom(
    '{"a":1.50,"user":"é\\u00e9\\n","status":5e2}',
    '{"a":{"b":[1, 2.0,"x/y<\\/\\u0001\\u007f\\u2028"]},"user":true}',
    '{"a":1,"a":2}',
    '{"a":18446744073709551616}',
    '{"a":1e400}',
    '{"a":"\\ud800"}',
    '{"a":1} x',
    ' {"a":-0.0,"user":-0,"status":1e21} ',
    '{"a":12,}',
    '[{"a":1}]',
    '{"a":0.1,"user":1e-7,"status":123456789012345680000}',
    '{"a":"","user":null,"status":[]}',
    '{"":"x","a":"\\\\\\"\\/\\b\\f\\t"}',
  ),
)

const logfmtText = fc
  .array(
    fc.tuple(
      fc.constantFrom('a', 'user', 'status', 'k', 'A'),
      fc.oneof(
        piece,
        piece.map((text) => `"${text.replace(/["\\]/g, String.raw`\$&`)}"`),
      ),
    ),
    {
      maxLength: 4,
    },
  )
  .map((pairs) => pairs.map(([key, value]) => `${key}=${value}`).join(' '))

export const hostileEvent: fc.Arbitrary<EventInput> = fc.record({
  timestampNs: fc.oneof(
    fc.bigInt({ min: 1_767_500_000_000_000_000n, max: 1_767_800_000_000_000_000n }),
    fc.constantFrom(0n, 1n, 1_767_571_200_000_000_000n, 1_767_571_199_999_999_999n, 1_767_657_600_000_000_000n),
  ),
  severity: fc.integer({ min: 0, max: 24 }),
  service: fc.oneof(hostileText, fc.constantFrom('billing', 'Billing', '/ops/db', '/ops/', '')),
  host: hostileText,
  source: hostileText,
  message: fc.oneof(
    { weight: 4, arbitrary: hostileText },
    { weight: 1, arbitrary: jsonText },
    { weight: 1, arbitrary: logfmtText },
  ),
  trace_id: fc.constantFrom('', 'abc123', 'ABC123', 'Abc123', '4bf92f'),
  span_id: fc.constantFrom('', '00f067aa'),
  attributes: fc
    .dictionary(fc.constantFrom(...ATTRIBUTE_NAMES), hostileText, { maxKeys: 4, noNullPrototype: true })
    .map((entries) => new Map(Object.entries(entries))),
})

/** A text in quotes as the language wants it. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
}

const REGEX_ATOMS = [
  'a',
  'A',
  'k',
  's',
  'é',
  'Ж',
  'ß',
  'σ',
  '.',
  '\\d',
  '\\w',
  '\\s',
  '\\b',
  '\\pL',
  '\\PN',
  '[a-k]',
  '[^a]',
  '[[:upper:]]',
  '^',
  '$',
  'err',
  '\\.',
  '\\x{17f}',
  '(?:a|b)',
  '(x?)',
  '\\n',
  '500',
  '\\Q.*\\E',
]
const regex = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...REGEX_ATOMS), fc.constantFrom('', '', '*', '+', '?', '{2}')), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.constantFrom('', 'i', 's', 'm', 'is'),
  )
  .map(
    ([atoms, flags]) =>
      `/${atoms.map(([atom, repeat]) => (/^[\^$]|\\b/.test(atom) ? atom : atom + repeat)).join('')}/${flags}`,
  )

/** Text without quotes, where the pieces allow it. */
const word = fc.array(fc.oneof(piece, fc.constant('*')), { minLength: 1, maxLength: 3 }).map((pieces) => {
  const text = pieces.join('').replace(/[\s"()|\u00a0]/g, '')
  return /^(?:and|or|not|-.*|.*\.\..*|\/.*\/[A-Za-z]*|[<>].*|)$/i.test(text) ||
    /^[A-Za-z_@$\u00aa-\uffff][^:]*:/.test(text)
    ? quoted(text)
    : text
})

const literal = fc.oneof(
  hostileText.map(quoted),
  word,
  fc.constantFrom('500', '42', '-1', '1e3', '.5', '0x10', 'inf', 'nan', '9007199254740993'),
)
const bound = literal
const number = fc.constantFrom('-1', '0', '1', '1.5', '42', '500', '1e3', '9007199254740993')
const value = fc.oneof(
  literal,
  regex,
  fc.constant('*'),
  fc.tuple(fc.constantFrom('>', '>=', '<', '<='), bound).map(([op, text]) => op + text),
  fc.tuple(number, number).map(([low, high]) => (Number(low) <= Number(high) ? `${low}..${high}` : `${high}..${low}`)),
)
const fieldName = fc.oneof(
  fc.constantFrom('service', 'host', 'source', 'message', 'trace_id', 'span_id', 'node', 'facility', 'file', 'msg'),
  fc.constantFrom(...ATTRIBUTE_NAMES.filter((name) => name !== 'time')).map(quoted),
  hostileText.filter((text) => !/^(?:timestamp|received|level|severity|time)$/.test(text)).map(quoted),
)
const levelTerm = fc.constantFrom(
  'level:error',
  'level:>=warn',
  'level:<warn',
  'severity:<=info',
  'level:unknown',
  'level:*',
  'level:e*',
  'level:/r$/',
  'level:17',
  'level:warn2',
  'level:info..warn',
  'level:..debug',
  'level:(err OR crit)',
)
const timeTerm = fc.constantFrom(
  'time:2026-01-05',
  'time:>=2026-01-05',
  'time:<2026-01-05',
  'time:2026-01-04..2026-01-05',
  'time:1..2026-01-05'.replace('1..', '..'),
  'received:-1h..',
  'timestamp:>2026-01-05T00:00:00Z',
  'time:*',
  '-time:2026-01-05',
)
const term = fc.oneof(
  { weight: 2, arbitrary: word },
  { weight: 2, arbitrary: hostileText.map(quoted) },
  { weight: 1, arbitrary: regex },
  { weight: 5, arbitrary: fc.tuple(fieldName, value).map(([name, text]) => `${name}:${text}`) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fieldName, fc.array(literal, { minLength: 1, maxLength: 3 }))
      .map(([name, texts]) => `${name}:(${texts.join(' OR ')})`),
  },
  { weight: 1, arbitrary: levelTerm },
  { weight: 1, arbitrary: timeTerm },
)

export const filterText: fc.Arbitrary<string> = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    term,
    fc.array(tie('filter'), { minLength: 2, maxLength: 3 }).map((items) => `(${items.join(' ')})`),
    fc.array(tie('filter'), { minLength: 2, maxLength: 3 }).map((items) => `(${items.join(' OR ')})`),
    tie('filter').map((item) => `NOT (${item})`),
  ),
})).filter

const rowPipe = fc.oneof(
  filterText.map((filter) => `where (${filter})`),
  fc.constantFrom(
    'parse json',
    'parse logfmt',
    'parse json from host',
    'parse logfmt from a',
    'extract /(?<user>[a-z]+)=(?<k>\\S*)/',
    'extract /(?i)(?<a>e(?<x>r+))/ from user',
    'extract /(?<status>\\d+)(?<user>\\D)?/ from host',
    'fields service, message, "weird \\"name\\"", level, x.y',
    'fields user, a, status, k, node',
    'fields attributes, timestamp',
  ),
)

/** A query that search and tail both take. */
export const rowQueryText = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: filterText }, { weight: 1, arbitrary: fc.constant('') }),
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: fc.array(rowPipe, { maxLength: 3 }) }),
  )
  .map(([filter, pipes]) => [filter, ...pipes].join(' | '))
