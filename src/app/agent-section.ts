import { existsSync, readFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { closest } from '../core/suggest.ts'

const SECTION = 'agent'

/** The section `agent` of a settings file. */
export interface AgentSection {
  entries: Readonly<Record<string, unknown>>
  /** Where something of the section stands, for a person: `/etc/tailrace.yaml:12: agent.paths`. */
  placeOf(path: readonly (string | number)[]): string
}

const NOTHING: AgentSection = { entries: {}, placeOf: () => SECTION }

/** `isWanted`: it has to be there. Problems are added to the list. */
export function readAgentSection(file: string, isWanted: boolean, problems: string[]): AgentSection {
  if (!isWanted && !existsSync(file)) return NOTHING
  const lines = new LineCounter()
  let document: Document
  try {
    document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines })
  } catch (error) {
    problems.push(`The file ${file} cannot be read: ${(error as Error).message}`)
    return NOTHING
  }
  if (document.errors.length > 0) {
    problems.push(...document.errors.map(({ message }) => `${file}: ${message}`))
    return NOTHING
  }
  const content: unknown = document.toJS() ?? {}
  if (!isSection(content)) {
    problems.push(`${file}: expected sections such as "agent:"`)
    return NOTHING
  }
  const placeOf = (path: readonly (string | number)[]): string => {
    const place = [SECTION, ...path]
    return `${file}:${lineOf(document, lines, place)}: ${nameOf(place)}`
  }
  const section = content[SECTION]
  if (section === undefined) {
    const meant = Object.keys(content).find((name) => closest(name, [SECTION]) !== undefined)
    if (meant !== undefined) {
      problems.push(`${file}:${lineOf(document, lines, [meant])}: ${meant} is not a section; did you mean agent?`)
    }
    return NOTHING
  }
  if (section !== null && !isSection(section)) {
    problems.push(`${placeOf([])} is a section of settings`)
    return NOTHING
  }
  return { entries: section ?? {}, placeOf }
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `agent.paths[2].formt`, with the first number from 1. */
function nameOf(path: readonly (string | number)[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step + 1}]` : at === 0 ? step : `.${step}`)).join('')
}

function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  let node: unknown = document.contents
  let offset = 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step)
      if (!pair) break
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(step)]
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset
    } else break
  }
  return lines.linePos(offset).line
}
