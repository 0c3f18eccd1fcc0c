#include "autograd.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autocast.h"
#include "convert.h"
#include "engine/run/js_executor.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

// What a backward pass takes.
struct BackwardCall {
  std::vector<at::Tensor> roots;
  // One for each root, undefined where it is left out.
  std::vector<at::Tensor> gradients;
  std::optional<bool> retain_graph;
  bool create_graph = false;
  // Where gradients are accumulated: all leaves if it is empty.
  std::vector<at::Tensor> inputs;

  // In the dtypes in which the graph was recorded, whatever the autocast state is now.
  void Run() const {
    const AutocastGuard off(Autocast{});
    torch::autograd::backward(roots, gradients, retain_graph, create_graph, inputs);
  }
};

// A boolean, or nothing for null.
std::optional<bool> OptionalBoolean(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (info[index].IsNull()) return std::nullopt;
  return Arguments(info, "backward").Boolean(index, name);
}

// An array of tensors and nulls.
std::vector<at::Tensor> TensorsOrNulls(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw Expected(value.Env(), "an array of tensors and nulls", name);
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<at::Tensor> tensors;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value entry = array.Get(i);
    tensors.push_back(entry.IsNull() ? at::Tensor() : UnwrapTensor(entry, name));
  }
  return tensors;
}

BackwardCall ReadBackwardCall(const Napi::CallbackInfo& info, const char* function) {
  const Arguments args(info, function);
  BackwardCall call;
  call.roots = args.Tensors(0, "roots");
  call.gradients = TensorsOrNulls(info[1], "gradients");
  call.retain_graph = OptionalBoolean(info, 2, "retainGraph");
  call.create_graph = args.Boolean(3, "createGraph");
  call.inputs = args.Tensors(4, "inputs");
  return call;
}

// Computes gradients on the thread of an executor.
class BackwardJob final : public engine::Job {
 public:
  BackwardJob(BackwardCall call, GradMode mode) : call_(std::move(call)), mode_(mode) {}

  bool Advance(const engine::Resources& /*resources*/, const engine::Interrupt& /*interrupt*/) override {
    const c10::InferenceMode off(false);
    const GradModeGuard grad_mode(mode_);
    // The graph is released here, where it takes no time of the JavaScript thread.
    const BackwardCall call = std::move(call_);
    call.Run();
    return false;
  }

 private:
  BackwardCall call_;
  const GradMode mode_;
};

// backward(roots, gradients, retainGraph, createGraph, inputs)
Napi::Value Backward(const Napi::CallbackInfo& info) {
  ReadBackwardCall(info, "backward").Run();
  return info.Env().Undefined();
}

// backwardAsync(roots, gradients, retainGraph, createGraph, inputs, id): Promise<void>
Napi::Value BackwardAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double id = Arguments(info, "backwardAsync").Number(5, "id");
  auto job = std::make_shared<BackwardJob>(ReadBackwardCall(info, "backwardAsync"), GradModeOf(env));

  const std::shared_ptr<engine::JsExecutor> executor = engine::JsExecutor::ForBackward(env, at::get_num_threads());
  if (executor->IsPending(id)) throw Expected(env, "the id of no pending job", "id");
  return executor->Submit(env, id, std::make_shared<engine::JobQueue>(), std::move(job), {},
                          [](Napi::Env env, const engine::Job& /*job*/) { return env.Undefined(); });
}

// gradients(outputs, inputs, gradOutputs, retainGraph, createGraph, allowUnused): (Tensor | null)[]
Napi::Value Gradients(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Arguments args(info, "gradients");
  const std::vector<at::Tensor> outputs = args.Tensors(0, "outputs");
  const std::vector<at::Tensor> inputs = args.Tensors(1, "inputs");
  const std::vector<at::Tensor> grad_outputs = TensorsOrNulls(info[2], "gradOutputs");
  const std::optional<bool> retain_graph = OptionalBoolean(info, 3, "retainGraph");
  const bool create_graph = args.Boolean(4, "createGraph");
  const bool allow_unused = args.Boolean(5, "allowUnused");

  const AutocastGuard off(Autocast{});
  const std::vector<at::Tensor> gradients =
      torch::autograd::grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused);
  Napi::Array result = Napi::Array::New(env, gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    result.Set(static_cast<uint32_t>(i), gradients[i].defined() ? WrapTensor(env, gradients[i]) : env.Null());
  }
  return result;
}

Napi::Value RequiresGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Arguments(info, "requiresGrad").Tensor(0, "tensor").requires_grad());
}

// setRequiresGrad(tensor, requiresGrad)
Napi::Value SetRequiresGrad(const Napi::CallbackInfo& info) {
  const Arguments args(info, "setRequiresGrad");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const bool requires_grad = args.Boolean(1, "requiresGrad");
  if (!tensor.is_leaf()) throw Expected(info.Env(), "a leaf", "tensor");

  tensor.set_requires_grad(requires_grad);
  return info.Env().Undefined();
}

Napi::Value IsLeaf(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Arguments(info, "isLeaf").Tensor(0, "tensor").is_leaf());
}

Napi::Value IsInference(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Arguments(info, "isInference").Tensor(0, "tensor").is_inference());
}

// gradFn(tensor): the name of the operation that made it, or null.
Napi::Value GradFn(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "gradFn").Tensor(0, "tensor");
  const auto& function = tensor.grad_fn();
  return function ? Napi::String::New(info.Env(), function->name()) : info.Env().Null();
}

// grad(tensor): Tensor | null
Napi::Value Grad(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "grad").Tensor(0, "tensor");
  const at::Tensor& gradient = tensor.grad();
  return gradient.defined() ? WrapTensor(info.Env(), gradient) : info.Env().Null();
}

// isGrad(tensor, gradient?): whether that is the gradient of the tensor now; null stands for none.
Napi::Value IsGrad(const Napi::CallbackInfo& info) {
  const Arguments args(info, "isGrad");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<at::Tensor> gradient = args.OptionalTensor(1, "gradient");

  const at::Tensor& current = tensor.grad();
  return Napi::Boolean::New(info.Env(), gradient ? current.is_same(*gradient) : !current.defined());
}

// setGrad(tensor, gradient?): null takes it away.
Napi::Value SetGrad(const Napi::CallbackInfo& info) {
  const Arguments args(info, "setGrad");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<at::Tensor> gradient = args.OptionalTensor(1, "gradient");
  if (gradient && (gradient->sizes() != tensor.sizes() || gradient->scalar_type() != tensor.scalar_type() ||
                   gradient->device() != tensor.device())) {
    throw Expected(info.Env(), "a gradient of the shape, dtype and device of the tensor", "gradient");
  }

  tensor.mutable_grad() = gradient.value_or(at::Tensor());
  return info.Env().Undefined();
}

// zeroGrad(tensors, setToNone): takes the gradients away, or fills them with zeros and detaches them.
Napi::Value ZeroGrad(const Napi::CallbackInfo& info) {
  const Arguments args(info, "zeroGrad");
  const std::vector<at::Tensor> tensors = args.Tensors(0, "tensors");
  const bool set_to_none = args.Boolean(1, "setToNone");

  const c10::AutoGradMode disabled(false);
  for (const at::Tensor& tensor : tensors) {
    at::Tensor& gradient = tensor.mutable_grad();
    if (!gradient.defined()) continue;
    if (set_to_none) {
      gradient.reset();
    } else {
      if (gradient.grad_fn()) {
        gradient.detach_();
      } else {
        gradient.set_requires_grad(false);
      }
      gradient.zero_();
    }
  }
  return info.Env().Undefined();
}

Napi::Value RetainGrad(const Napi::CallbackInfo& info) {
  Arguments(info, "retainGrad").Tensor(0, "tensor").retain_grad();
  return info.Env().Undefined();
}

Napi::Value RetainsGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Arguments(info, "retainsGrad").Tensor(0, "tensor").retains_grad());
}

// detach(tensor): Tensor that shares the memory, outside the graph.
Napi::Value Detach(const Napi::CallbackInfo& info) {
  return WrapTensor(info.Env(), Arguments(info, "detach").Tensor(0, "tensor").detach());
}

Napi::Value DetachInPlace(const Napi::CallbackInfo& info) {
  Arguments(info, "detach_").Tensor(0, "tensor").detach_();
  return info.Env().Undefined();
}

}  // namespace

void InitAutograd(Napi::Env env, Napi::Object exports) {
  Export<Backward>(env, exports, "backward");
  Export<BackwardAsync>(env, exports, "backwardAsync");
  Export<Gradients>(env, exports, "gradients");
  Export<RequiresGrad>(env, exports, "requiresGrad");
  Export<SetRequiresGrad>(env, exports, "setRequiresGrad");
  Export<IsLeaf>(env, exports, "isLeaf");
  Export<IsInference>(env, exports, "isInference");
  Export<GradFn>(env, exports, "gradFn");
  Export<Grad>(env, exports, "grad");
  Export<IsGrad>(env, exports, "isGrad");
  Export<SetGrad>(env, exports, "setGrad");
  Export<ZeroGrad>(env, exports, "zeroGrad");
  Export<RetainGrad>(env, exports, "retainGrad");
  Export<RetainsGrad>(env, exports, "retainsGrad");
  Export<Detach>(env, exports, "detach");
  Export<DetachInPlace>(env, exports, "detach_");
}

}  // namespace napi_torch
