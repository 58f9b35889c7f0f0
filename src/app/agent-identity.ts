import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { unusableFolder } from './node.ts'

const FILE = 'agent.json'

/**
 * The id under which an agent delivers, kept in its folder. A folder that was copied to another machine gets another
 * one: two agents under one id would take each other's place. Throws CONFIG_INVALID when the folder cannot be used.
 */
export function openAgentIdentity(stateDir: string): string {
  const path = join(stateDir, FILE)
  const machine = machineHash()
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const known = read(path)
    if (known?.machine === machine) return known.agent
    const agent = randomBytes(12).toString('hex')
    writeFileSync(`${path}.new`, `${JSON.stringify({ agent, machine })}\n`, { mode: 0o600 })
    renameSync(`${path}.new`, path)
    return agent
  } catch (cause) {
    throw unusableFolder(stateDir, 'used', cause)
  }
}

function read(path: string): { agent: string; machine: string } | undefined {
  try {
    const { agent, machine } = JSON.parse(readFileSync(path, 'utf8')) as { agent?: unknown; machine?: unknown }
    return typeof agent === 'string' && typeof machine === 'string' ? { agent, machine } : undefined
  } catch {
    // There is none, or it is damaged: a new one.
    return undefined
  }
}

function machineHash(): string {
  let id = hostname()
  try {
    id += readFileSync('/etc/machine-id', 'utf8').trim()
  } catch {
    // Not every system has one.
  }
  return createHash('sha256').update(id).digest('hex').slice(0, 16)
}
