import type { CommandGroup } from 'napi-torch/internal/cli'

/** The command `jobs`; each of its commands is imported when it is called. */
export const command: CommandGroup = {
  name: 'jobs',
  description: 'Classifies or embeds millions of images on many machines, with BullMQ on Redis.',
  commands: [
    { name: 'submit', summary: 'submit images to the workers', load: () => import('./submit.js') },
    { name: 'work', summary: 'work on submitted images', load: () => import('./work.js') },
    { name: 'status', summary: 'print the progress of the runs', load: () => import('./status.js') },
    { name: 'retry', summary: 'give failed and lost chunks to the workers again', load: () => import('./retry.js') },
    { name: 'cancel', summary: 'take a run out of the queue', load: () => import('./cancel.js') },
    { name: 'merge', summary: 'merge all results into one file', load: () => import('./merge.js') },
  ],
}
