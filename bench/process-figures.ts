/** What the kernel knows about a process and its descendants. Linux only: /proc. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux fixes USER_HZ at 100 for /proc. */
const TICKS_PER_SECOND = 100

export interface ProcessFigures {
  cpuSeconds: number
  /** VmHWM: highest resident memory so far. */
  peakResidentBytes: number
}

/** Fields of /proc/<pid>/stat after the command name, which may contain anything. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

export function processFigures(pid: number): ProcessFigures {
  const fields = statFields(pid)
  const ticks = Number(fields[11]) + Number(fields[12])
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakResidentBytes: Number(peak?.[1] ?? 0) * 1024 }
}

/** Children, their children and so on. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const parent = Number(statFields(Number(name))[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(name)])
    } catch {
      // It ended between listing and reading.
    }
  }
  const found: number[] = []
  for (let waiting = [pid]; waiting.length > 0;) {
    waiting = waiting.flatMap((parent) => children.get(parent) ?? [])
    found.push(...waiting)
  }
  return found
}

/** Sum over several processes; peaks are summed too, which is an upper bound. */
export function figuresOf(pids: readonly number[]): ProcessFigures {
  const total: ProcessFigures = { cpuSeconds: 0, peakResidentBytes: 0 }
  for (const pid of pids) {
    const figures = processFigures(pid)
    total.cpuSeconds += figures.cpuSeconds
    total.peakResidentBytes += figures.peakResidentBytes
  }
  return total
}

/** VmRSS: resident memory now. */
export function residentBytes(pid: number): number {
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(resident?.[1] ?? 0) * 1024
}

export interface ProcessMemory {
  residentBytes: number
  /** VmHWM: the most that was resident so far. */
  peakBytes: number
  /** Of what is resident: the process's own, and pages of files (the program, its libraries), which it shares. */
  ownBytes: number
  fileBytes: number
}

export function processMemory(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    residentBytes: bytes('VmRSS'),
    peakBytes: bytes('VmHWM'),
    ownBytes: bytes('RssAnon'),
    fileBytes: bytes('RssFile'),
  }
}

/** Files and sockets that a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
