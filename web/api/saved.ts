/** A search as `/api/v1/searches` has it. */
export interface SavedSearch {
  id: string
  name: string
  query: string
  start: string
  end: string
  columns: string[]
  by: string
  isOwn: boolean
  created: string
  updated: string
}

export interface Share {
  id: string
  address: string
  by: string
  created: string
}

export interface RetentionRule {
  filter: string
  age: string
}

export interface Retention {
  ageMs: number
  diskBytes: number
  configured: RetentionRule[]
  rules: RetentionRule[]
  revision: string
}

export interface DoomedEvents extends RetentionRule {
  events: number
  bytes: number
  oldest: string | null
  newest: string | null
}

export const SEARCHES_PATH = '/api/v1/searches'
export const SHARES_PATH = '/api/v1/shares'
export const RETENTION_PATH = '/api/v1/retention'
