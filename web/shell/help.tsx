import { Dialog } from '../parts/dialog.tsx'
import { usePage } from './page.ts'

/** The keys that work now. */
export function Help({ onClose }: { onClose: () => void }) {
  const { commands } = usePage()
  const keyed = commands.all.value.filter(({ key }) => key !== undefined && !key.startsWith('Arrow'))
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {[...keyed, { name: 'Commands by name', key: 'Ctrl+K' }].map(({ name, key }) => (
          <div key={name}>
            <dd>{name}</dd>
            <dt>
              <kbd>{key}</kbd>
            </dt>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
