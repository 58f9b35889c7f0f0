import type { ComponentChildren } from 'preact'
import type { Status } from '../../src/api/status-schema.ts'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { daysText, rateText, tookText } from '../parts/figures.ts'

/** Beyond this the store is not keeping up. */
const LAG_SECONDS_MAX = 10
const DAYS_FEW = 7

/** The five figures that somebody looks for first. */
export function Overview({ status }: { status: Status }) {
  const { ingest, lag, spool, disk, store } = status
  const perSecond = Object.values(ingest.rates).reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0)
  const isDown = store.state !== 'ready'
  return (
    <ul class="figures" aria-label="At a glance">
      <Figure name="Coming in" value={rateText(Math.round(perSecond * 10) / 10)}>
        {formatCount(ingest.accepted.total)} events since the start
      </Figure>
      <Figure name="Not taken" value={formatCount(ingest.rejected.total)} isBad={ingest.rejected.total > 0}>
        rejected or dropped since the start
      </Figure>
      <Figure name="Store" value={isDown ? store.state : 'ready'} isBad={isDown}>
        {store.reason ?? 'answers questions'}
      </Figure>
      <Figure
        name="Behind"
        value={lag.seconds < 1 ? 'nothing' : tookText(lag.seconds * 1000)}
        isBad={lag.seconds > LAG_SECONDS_MAX || spool.refusing !== null}
      >
        {spool.refusing ?? `${formatCount(spool.pendingRows)} events on their way to the store`}
      </Figure>
      <Figure
        name="Disk"
        value={disk.freeBytes === null ? 'not known' : `${formatSize(disk.freeBytes)} free`}
        isBad={disk.daysLeft !== null && disk.daysLeft < DAYS_FEW}
      >
        {disk.daysLeft === null ? 'too little comes in to tell for how long' : `for ${daysText(disk.daysLeft)}`}
      </Figure>
    </ul>
  )
}

interface FigureProps {
  name: string
  value: string
  isBad?: boolean
  children: ComponentChildren
}

function Figure({ name, value, isBad = false, children }: FigureProps) {
  return (
    <li class={isBad ? 'figure bad' : 'figure'}>
      <span class="figure-name">{name}</span>
      <strong>{value}</strong>
      <small>{children}</small>
    </li>
  )
}
