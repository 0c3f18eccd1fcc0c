import { defineCommand } from '../command.js'
import { COMMANDS } from '../commands.js'
import { EXIT } from '../exit_codes.js'
import { SCRIPTS, SHELLS } from './scripts.js'
import { levelsOf } from './tree.js'

export const command = defineCommand({
  name: 'completion',
  description: 'Prints a script with which a shell completes commands, options, their values and files.',
  arguments: { shell: { description: 'shell that reads the script', choices: SHELLS } },
  notes: `The script knows the commands of the packages that are installed: print it again after installing
@napi-torch/server or @napi-torch/jobs.`,
  examples: [
    'source <(napi-torch completion bash)',
    'napi-torch completion fish > ~/.config/fish/completions/napi-torch.fish',
  ],
  run: async ({ shell }, _flags, { terminal }) => {
    terminal.print(SCRIPTS[shell](await levelsOf(COMMANDS)).trimEnd())
    return EXIT.ok
  },
})
