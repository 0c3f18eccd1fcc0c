import {
  Conv2d,
  Dropout,
  Flatten,
  functional as F,
  Linear,
  Module,
  ModuleList,
  Parameter,
  ReLU,
  Sequential,
  zeros,
  type ForwardHook,
  type Tensor,
} from 'napi-torch'

/** Compiles only where both types are the same. */
function same<A>(): <B>(_value: B) => [A, B] extends [B, A] ? true : false {
  return () => true as never
}

class Pair extends Module<[Tensor, Tensor]> {
  override forward(x: Tensor): [Tensor, Tensor] {
    return [x, x]
  }
}

const x = zeros([1, 3, 8, 8])
const conv = new Conv2d(3, 8, [3, 3], { stride: 2, padding: 'same', bias: undefined })

// The output of forward is typed, also where the module is known only as a Module.
const output: true = same<Tensor>()(conv.forward(x))
const pair: true = same<[Tensor, Tensor]>()(new Pair().forward(x))
const known: Module = conv
const known2: true = same<Tensor>()(known.forward(x))
const unknownOutput: Module<unknown> = new Pair()
// @ts-expect-error: the output of a Pair is not a tensor.
const wrongOutput: Module = new Pair()

// Methods that give the module back keep its class.
const chained: true = same<Conv2d>()(conv.eval().half().requiresGrad_(false))

// What Python gives by position works where it is an idiom, and is refused else.
new Dropout(0.5)
new Dropout(0.5, { inplace: true })
new Flatten(1, 2)
new Sequential([new ReLU(), new Flatten()])
F.dropout(x, 0.5, { training: false })
// @ts-expect-error: the stride is an option.
new Conv2d(3, 8, 3, 2)
// @ts-expect-error: as is this.
new Dropout(0.5, true)
// @ts-expect-error: and this.
new ReLU(true)
// @ts-expect-error: what is required is given by position.
new Linear({ inFeatures: 3, outFeatures: 8 })

// Options are checked by name and type.
// @ts-expect-error: no such option.
new Conv2d(3, 8, 3, { strides: 2 })
// @ts-expect-error: no such mode.
new Conv2d(3, 8, 3, { paddingMode: 'mirror' })
// @ts-expect-error: options stand in an object.
new Linear(3, 8, false)
// @ts-expect-error: forward takes tensors.
conv.forward('image')

// Containers know what they hold.
const layers = new ModuleList([new Linear(1, 2)])
const features: number = layers.at(0).inFeatures
// @ts-expect-error: a Sequential passes tensors on, which a Pair does not give.
new Sequential(new ReLU(), new Pair())
new Sequential(new Map<string, Module>([['act', new ReLU()]]))

// Hooks know module and output.
new Pair().registerForwardHook((module, inputs, [first]) => {
  const typed: true = same<Pair>()(module)
  return typed && inputs.length > 0 ? [first, first] : undefined
})
// @ts-expect-error: the hook gives another output.
new Pair().registerForwardHook(() => x)
const hook: ForwardHook<Module<unknown>, unknown> = () => undefined
unknownOutput.registerForwardHook(hook)

// A parameter keeps its dtype, and functions keep that of their input.
const parameter: true = same<Parameter<'float16'>>()(new Parameter(zeros([1], { dtype: 'float16' })))
const pooled: true = same<Tensor<'float64'>>()(F.maxPool2d(zeros([1, 2, 2], { dtype: 'float64' }), 2))

// A tensor is no parameter.
// @ts-expect-error: it belongs to no module.
conv.registerParameter('extra', zeros([1]))

export const checked = [output, pair, known2, wrongOutput, chained, features, parameter, pooled]
