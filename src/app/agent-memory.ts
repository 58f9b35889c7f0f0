import { setFlagsFromString } from 'node:v8'

/**
 * To be called before anything is loaded. The part of the heap for what was just made stays at the size with which it
 * begins, 1 MiB, instead of growing to 16 MiB two or three times over: lines are read without making objects, so nothing
 * is gained by more. The rest is cleaned when it has grown by a third instead of several times. An engine that does not
 * know these says so on stderr and goes on. 120 MB is what an agent may take: docs/decisions/008-agent.md.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=33')
}
