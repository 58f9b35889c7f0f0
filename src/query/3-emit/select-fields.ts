import { RE2JS } from 're2js'
import type { EventView } from '../../core/batch.ts'
import type { Field, Pipe } from '../2-check/checked.ts'
import { jsonFields } from './json-fields.ts'
import { LOGFMT } from './sql-fields.ts'

/** Reads one text of an event; absent is empty. */
export type TextReader = (event: EventView) => string

/** What `extract` or `parse` found in the row that is looked at; empty values are not in it. */
export type MadeReader = (event: EventView) => ReadonlyMap<string, string>

/** The readers of one selector. `next` must be called for each row: what the row's texts gave is kept until then. */
export interface Readers {
  text(field: Field): TextReader
  /** One for each making pipe, in their order. */
  made: readonly MadeReader[]
  next(): void
}

export function createReaders(pipes: readonly Pipe[], node: string): Readers {
  let row = 0
  const byPipe = new Map<number, MadeReader>()
  const once = (read: MadeReader): MadeReader => {
    let seen = -1
    let found: ReadonlyMap<string, string> = new Map()
    return (event) => {
      if (seen !== row) [found, seen] = [read(event), row]
      return found
    }
  }
  const text = (field: Field): TextReader => {
    switch (field.kind) {
      case 'text': {
        const { name } = field
        return name === 'node' ? () => node : (event) => event.text(name)
      }
      case 'attribute': {
        const { name } = field
        return (event) => event.attribute(name) ?? ''
      }
      case 'made': {
        const { name } = field
        const before = text(field.before)
        const made = byPipe.get(field.pipe)
        if (!made) throw new TypeError('a made field without its pipe')
        return (event) => made(event).get(name) ?? before(event)
      }
      case 'time':
      case 'level':
      case 'column':
        throw new TypeError(`${field.kind} is not a text of an event`)
    }
  }
  pipes.forEach((pipe, index) => {
    if (pipe.kind !== 'extract' && pipe.kind !== 'parse') return
    byPipe.set(index, once(makingReader(pipe, text(pipe.from))))
  })
  return { text, made: [...byPipe.values()], next: () => void row++ }
}

function makingReader(pipe: Extract<Pipe, { kind: 'extract' | 'parse' }>, from: TextReader): MadeReader {
  if (pipe.kind === 'extract') return extractReader(pipe, from)
  if (pipe.format === 'json') return (event) => withoutEmpty(jsonFields(from(event)))
  return (event) => logfmtFields(from(event))
}

function extractReader(pipe: Extract<Pipe, { kind: 'extract' }>, from: TextReader): MadeReader {
  const pattern = RE2JS.compile(pipe.pattern.full)
  const nothing = new Map<string, string>()
  return (event) => {
    const matcher = pattern.matcher(from(event))
    if (!matcher.find()) return nothing
    return withoutEmpty(new Map(pipe.groups.map(({ name, index }) => [name, matcher.group(index) ?? ''])))
  }
}

function withoutEmpty(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...fields].filter(([, value]) => value !== ''))
}

const LOGFMT_PATTERN = RE2JS.compile(LOGFMT)

/** `key=value key="quoted value"`; of a key that stands twice the first counts. */
function logfmtFields(text: string): ReadonlyMap<string, string> {
  const seen = new Map<string, string>()
  const matcher = LOGFMT_PATTERN.matcher(text)
  while (matcher.find()) {
    const key = matcher.group(1) ?? ''
    const value = matcher.group(2) ?? ''
    if (!seen.has(key)) seen.set(key, value.startsWith('"') ? value.slice(1, -1).replace(/\\([^])/g, '$1') : value)
  }
  return withoutEmpty(seen)
}
