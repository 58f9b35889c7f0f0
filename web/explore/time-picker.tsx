import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Popover } from '../parts/popover.tsx'
import {
  absoluteRange,
  PRESETS,
  rangeName,
  resolveRange,
  shiftRange,
  spanText,
  zoomOut,
  type RangeText,
} from '../time/range.ts'
import { zoneName, type Zone } from '../time/zone.ts'
import { CustomRange } from './custom-range.tsx'

export interface TimePickerProps {
  range: RangeText
  isLive: boolean
  zone: Zone
  isOpen: boolean
  onToggle: (isOpen: boolean) => void
  onRange: (range: RangeText) => void
  /** Absent where nothing can be followed. */
  onLive?: () => void
  onZone: (zone: Zone) => void
}

export function TimePicker(props: TimePickerProps) {
  const { range, isLive, zone, isOpen, onToggle, onRange } = props
  const resolved = resolveRange(range, Date.now())
  const move = (steps: number) => (): void => {
    if (resolved) onRange(absoluteRange(shiftRange(resolved, steps)))
  }
  const span = resolved ? spanText(resolved) : ''
  return (
    <div class="time-picker" role="group" aria-label="Time">
      <Button icon="left" label={`Earlier by ${span}`} isDisabled={!resolved} onClick={move(-1)} />
      <Popover
        title="Time range"
        isOpen={isOpen}
        onToggle={onToggle}
        side="right"
        button={{
          icon: 'clock',
          class: 'time-name',
          children: isLive ? 'Live' : rangeName(range, zone),
          label: 'Time (t)',
        }}
      >
        <Choices {...props} />
      </Popover>
      <Button icon="right" label={`Later by ${span}`} isDisabled={!resolved || isLive} onClick={move(1)} />
      <Button
        icon="out"
        label="Zoom out"
        isDisabled={!resolved}
        onClick={() => resolved && onRange(absoluteRange(zoomOut(resolved, Date.now())))}
      />
    </div>
  )
}

function Choices({ range, isLive, zone, onToggle, onRange, onLive, onZone }: TimePickerProps) {
  const choose = (next: RangeText): void => {
    onToggle(false)
    onRange(next)
  }
  const [focused] = useState(() => PRESETS.findIndex(([start]) => !isLive && start === range.start && !range.end))
  return (
    <div class="time-choices">
      <ul class="choices">
        {onLive && (
          <li>
            <button
              type="button"
              class="choice"
              aria-pressed={isLive}
              autofocus={focused === -1}
              onClick={() => {
                onToggle(false)
                onLive()
              }}
            >
              Live
            </button>
          </li>
        )}
        {PRESETS.map(([start, name], index) => (
          <li key={start}>
            <button
              type="button"
              class="choice"
              aria-pressed={index === focused}
              autofocus={index === focused}
              onClick={() => choose({ start, end: undefined })}
            >
              {name}
            </button>
          </li>
        ))}
      </ul>
      <div class="time-custom">
        <CustomRange range={range} zone={zone} onRange={choose} />
        <label class="labelled">
          Time zone
          <select
            class="field"
            value={zone}
            onChange={(event) => onZone(event.currentTarget.value === 'utc' ? 'utc' : 'local')}
          >
            <option value="local">This browser’s ({zoneName('local')})</option>
            <option value="utc">UTC</option>
          </select>
        </label>
      </div>
    </div>
  )
}
