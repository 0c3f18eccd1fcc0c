import { createModel, detectArchitecture, resnet50, type Module, type Tensor } from 'napi-torch'

import { formulaState, formulaTensor } from './formula.js'
import { architectures, golden } from './goldens.js'

/** A row of `test/goldens/models/logits.safetensors`. */
export interface LogitsFacts {
  /** The name of a factory, and after a dash what differs from it. */
  readonly model: string
  /** (N, C, H, W). */
  readonly shape: readonly number[]
  /** The largest magnitude among the logits. */
  readonly largest: number
}

/** A whole model with weights by formula, and what PyTorch answers. */
export interface LogitsCase extends LogitsFacts {
  /** Computes the logits, and gives those of PyTorch beside them. */
  readonly run: () => { readonly actual: Tensor; readonly expected: Tensor }
}

/** The cases of `test/goldens/models/logits.safetensors`. */
export function logitsCases(): readonly LogitsCase[] {
  return golden<LogitsFacts>('models/logits').map(({ facts, tensor }) => ({
    ...facts,
    run() {
      const model = modelOf(facts.model).eval()
      model.loadStateDict(formulaState(model.stateDict()))
      return { actual: model.forward(formulaTensor('input', facts.shape, 2)), expected: tensor('logits') }
    },
  }))
}

function modelOf(name: string): Module {
  const [factory = '', variant = ''] = name.split('-')
  if (variant === 'dilated') return resnet50({ replaceStrideWithDilation: [false, true, true] })
  const architecture = detectArchitecture(architectures().get(factory)?.keys ?? [])
  if (architecture.family === 'torchvision') return createModel(architecture)
  return createModel({ ...architecture, kernelSize: variant === '' ? 3 : Number(variant.replace('kernel', '')) })
}
