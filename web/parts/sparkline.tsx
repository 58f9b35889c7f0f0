const WIDTH = 180
const HEIGHT = 24

/** A row of counts as a small area. Its name says what a picture cannot. */
export function Sparkline({ values, name }: { values: readonly number[]; name: string }) {
  const highest = Math.max(1, ...values)
  const step = WIDTH / Math.max(1, values.length)
  const points = values.flatMap((value, index) => {
    const y = HEIGHT - 1 - (value / highest) * (HEIGHT - 2)
    return [`${index * step},${y}`, `${(index + 1) * step},${y}`]
  })
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={name} preserveAspectRatio="none">
      <polygon points={`0,${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`} />
    </svg>
  )
}
