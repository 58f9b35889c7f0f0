import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { levelOf, severityFromName, severityRange } from '../../core/severity.ts'
import { checkedQuery } from '../questions.ts'
import type { View, VisibleQuery } from '../view.ts'
import { parsePage, type Page } from './page-time.ts'

/** Which events of the event log are asked for. */
export interface PageScope {
  /** `undefined`: all. */
  facility: string | undefined
  /** Severity numbers; `undefined`: all. */
  severities: readonly number[] | undefined
  /** The filter of the request and that of the principal. */
  query: VisibleQuery
  graceNs: bigint
}

export const FACILITY_CHARS_MAX = 4096

export const FacilityParameters = Type.Object({
  facility: Type.String({
    description: 'Name of the facility, percent-encoded (`shop%2Fbilling`), or `*` for all',
    examples: ['shop%2Fbilling'],
  }),
})

export const LevelParameter = Type.String({
  description: 'Only these levels: names with commas, such as error,crit',
  examples: ['error,crit'],
})
export const FilterParameter = Type.String({
  description: 'A filter in the query language, without pipes. Relative times count from the end of the page',
  examples: ['user-id:42 -health'],
})
export const FilterParameters = Type.Object({
  level: Type.Optional(LevelParameter),
  q: Type.Optional(FilterParameter),
})
export type FilterParameters = Static<typeof FilterParameters>

/** `nowNs`: what relative times of `q` count from. */
export function parseScope(
  facility: string,
  { level, q = '' }: FilterParameters,
  { view, graceNs, nowNs }: { view: View; graceNs: bigint; nowNs: bigint },
): PageScope {
  return {
    facility: facility === '*' ? undefined : checkedFacility(facility),
    severities: parseLevels(level),
    query: parseFilter(q, view, nowNs),
    graceNs,
  }
}

export function checkedFacility(facility: string): string {
  if (facility !== '' && facility.length <= FACILITY_CHARS_MAX) return facility
  throw new AppError('REQUEST_INVALID', {
    detail: `The facility is ${facility === '' ? 'empty' : `longer than ${FACILITY_CHARS_MAX} characters`}.`,
    hint: 'Use * for all facilities.',
  })
}

/** A query without pipes, among visible events. */
export function parseFilter(text: string, view: View, nowNs: bigint): VisibleQuery {
  const query = checkedQuery(view, text, { nowNs, target: 'tail' })
  if (query.pipes.length === 0) return query
  throw new AppError('QUERY_INVALID', {
    detail: 'q is a filter: it has no pipes.',
    hint: 'Ask /api/v1/query for what pipes make.',
  })
}

/** Names with commas → every severity number that bears one of them. */
export function parseLevels(text: string | undefined): readonly number[] | undefined {
  if (text === undefined || text === '') return undefined
  const numbers = text.split(',').flatMap((name) => {
    const severity = severityFromName(name)
    if (severity === undefined) {
      throw new AppError('REQUEST_INVALID', {
        detail: `level: ${JSON.stringify(name.slice(0, 100))} is no level.`,
        hint: 'Use emerg, alert, crit, error, warn, notice, info or debug, or several with commas.',
      })
    }
    const [min, max] = severityRange(levelOf(severity))
    return Array.from({ length: max - min + 1 }, (_, index) => min + index)
  })
  return [...new Set(numbers)].sort((a, b) => a - b)
}

export function pageOf(name: string): Page {
  const page = parsePage(name)
  if (page) return page
  throw new AppError('REQUEST_INVALID', {
    detail: `${JSON.stringify(name.slice(0, 100))} is not the name of a page.`,
    hint: 'Use 2026-11-21T04:05 for a minute, 2026-11-21T04 for an hour, 2026-11-21 for a day; UTC.',
  })
}

/** The address of a page of this size, with the parameters of the request that is answered. */
export function pageUrl(facility: string, name: string, request: Pick<FastifyRequest, 'url'>): string {
  const at = request.url.indexOf('?')
  const parameters = new URLSearchParams(at === -1 ? '' : request.url.slice(at + 1))
  for (const only of ['since', 'until', 'by']) parameters.delete(only)
  const query = parameters.toString()
  return `/api/v1/eventqry/${facility === '*' ? '*' : encodeURIComponent(facility)}/${name}${query === '' ? '' : `?${query}`}`
}
