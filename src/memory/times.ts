import type { EventTimes } from '../api/event-reader.ts'
import type { EventView } from '../core/batch.ts'
import type { Pace, Scan } from './scan.ts'

/** From when to when the selected events are; `undefined` when there are none. */
export async function findTimes(
  scan: Scan,
  pace: Pace,
  isSelected: (event: EventView) => boolean,
): Promise<EventTimes | undefined> {
  let times: EventTimes | undefined
  await scan.all((event) => {
    if (!isSelected(event)) return
    const { timestampNs } = event
    times ??= { oldestNs: timestampNs, newestNs: timestampNs }
    if (timestampNs < times.oldestNs) times.oldestNs = timestampNs
    else if (timestampNs > times.newestNs) times.newestNs = timestampNs
  }, pace)
  return times
}
