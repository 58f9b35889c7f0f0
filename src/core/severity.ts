/**
 * Severities, after the OpenTelemetry log data model (SeverityNumber 1–24; 0 is "not known").
 * Names are mapped both ways for syslog (RFC 5424 §6.2.1), pino and OpenTelemetry.
 */

/** The names shown to people, lowest severity first, each with the number stored for it. */
export const SEVERITY_NUMBERS = {
  unknown: 0,
  trace: 1,
  debug: 5,
  info: 9,
  notice: 10,
  warn: 13,
  error: 17,
  crit: 18,
  alert: 19,
  fatal: 21,
} as const

export type Level = keyof typeof SEVERITY_NUMBERS

/** Every level name in rising order of severity. */
export const LEVELS = Object.keys(SEVERITY_NUMBERS) as Level[]

const ALIASES: Readonly<Record<string, number>> = {
  ...SEVERITY_NUMBERS,
  verbose: 1,
  finest: 1,
  finer: 1,
  silly: 1,
  dbg: 5,
  fine: 5,
  information: 9,
  informational: 9,
  inf: 9,
  note: 10,
  warning: 13,
  wrn: 13,
  err: 17,
  severe: 17,
  critical: 18,
  emerg: 21,
  emergency: 21,
  panic: 21,
  ftl: 21,
  trace2: 2,
  trace3: 3,
  trace4: 4,
  debug2: 6,
  debug3: 7,
  debug4: 8,
  info2: 10,
  info3: 11,
  info4: 12,
  warn2: 14,
  warn3: 15,
  warn4: 16,
  error2: 18,
  error3: 19,
  error4: 20,
  fatal2: 22,
  fatal3: 23,
  fatal4: 24,
  d: 5,
  i: 9,
  w: 13,
  e: 17,
  f: 21,
}

const BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(ALIASES))

/** RFC 5424 severity code 0 (emergency) … 7 (debug) → severity number. */
const BY_SYSLOG_CODE: readonly number[] = [21, 19, 18, 17, 13, 10, 9, 5]

const LEVEL_BY_NUMBER: readonly Level[] = Array.from({ length: 25 }, (_, severity) => {
  if (severity >= 5 && severity <= 8) return 'debug'
  if (severity >= 10 && severity <= 12) return 'notice'
  if (severity === 20) return 'alert'
  return LEVELS.findLast((level) => SEVERITY_NUMBERS[level] <= severity) ?? 'unknown'
})

/** A level name or known alias, in any case → severity number; `undefined` when it is none. */
export function severityFromName(name: string): number | undefined {
  return BY_NAME.get(name) ?? BY_NAME.get(name.trim().toLowerCase())
}

/**
 * A number found in a level field → severity number: OpenTelemetry 1–24 as it is, pino and bunyan 10, 20 … 60.
 * Pino's 10 and 20 collide with OpenTelemetry's 10 (notice) and 20 (alert); pino is far more common in JSON lines,
 * so the multiples of ten are read as pino's. `undefined` when the number is neither.
 */
export function severityFromNumber(value: number): number | undefined {
  if (value >= 10 && value % 10 === 0 && value <= 60) return PINO[value / 10 - 1]
  if (Number.isInteger(value) && value >= 0 && value <= 24) return value
  return undefined
}

const PINO: readonly number[] = [1, 5, 9, 13, 17, 21]

/** RFC 5424 severity code 0–7 → severity number; `undefined` outside. */
export function severityFromSyslog(code: number): number | undefined {
  return BY_SYSLOG_CODE[code]
}

/** Severity number 0–24 → level name; anything else is `unknown`. */
export function levelOf(severity: number): Level {
  return LEVEL_BY_NUMBER[severity] ?? 'unknown'
}

/** The inclusive range of severity numbers that bear this level's name, as `levelOf` names them. */
export function severityRange(level: Level): readonly [min: number, max: number] {
  const min = SEVERITY_NUMBERS[level]
  return [min, LEVEL_BY_NUMBER.lastIndexOf(level)]
}
