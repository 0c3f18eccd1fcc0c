// Calls any operator of libtorch's dispatcher by the name of its schema.
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/enum_tag.h>
#include <ATen/core/stack.h>

#include <optional>
#include <sstream>
#include <string>

#include "../convert.h"
#include "../dtype.h"
#include "../engine/plan/aten_values.h"
#include "../error.h"
#include "../handle.h"
#include "ops.h"

namespace napi_torch {
namespace {

// Whether the operator writes into the tensor.
bool IsWritten(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

// atenSchema(schema): what the schema says, or null where this libtorch has none of that name.
Napi::Value AtenSchema(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::optional<c10::OperatorHandle> operation =
      engine::FindOperator(Arguments(info, "atenSchema").String(0, "schema"));
  if (!operation) return env.Null();
  const c10::FunctionSchema& schema = operation->schema();

  Napi::Array arguments = Napi::Array::New(env);
  for (const c10::Argument& argument : schema.arguments()) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", argument.name());
    entry.Set("type", argument.real_type()->str());
    entry.Set("length", argument.N() ? Napi::Number::New(env, *argument.N()) : env.Null());
    entry.Set("hasDefault", argument.default_value().has_value());
    entry.Set("isKeyword", argument.kwarg_only());
    entry.Set("isWritten", IsWritten(argument));
    arguments.Set(arguments.Length(), entry);
  }
  Napi::Array results = Napi::Array::New(env);
  for (const c10::Argument& argument : schema.returns()) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("type", argument.real_type()->str());
    entry.Set("isWritten", IsWritten(argument));
    results.Set(results.Length(), entry);
  }
  std::ostringstream text;
  text << schema;

  Napi::Object result = Napi::Object::New(env);
  result.Set("text", text.str());
  result.Set("arguments", arguments);
  result.Set("results", results);
  result.Set("draws", operation->hasTag(at::Tag::nondeterministic_seeded));
  result.Set("changesShape", operation->hasTag(at::Tag::inplace_view));
  result.Set("readsElements",
             operation->hasTag(at::Tag::dynamic_output_shape) || operation->hasTag(at::Tag::data_dependent_output));
  return result;
}

Napi::Value WrapResult(Napi::Env env, const c10::IValue& value) {
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return env.Null();
    if (tensor.layout() != at::kStrided || !NameOf(tensor.scalar_type()) || tensor.is_conj() || tensor.is_neg()) {
      throw TorchError(env, "TORCH_INVALID_ARGUMENT",
                       std::string("The operator gives a tensor ") + c10::toString(tensor.scalar_type()) +
                           " of layout " + c10::str(tensor.layout()) + ", which has no form here");
    }
    return WrapTensor(env, tensor);
  }
  if (value.isTensorList()) {
    Napi::Array list = Napi::Array::New(env);
    for (const at::Tensor& tensor : value.toTensorVector()) list.Set(list.Length(), WrapResult(env, tensor));
    return list;
  }
  if (value.isInt()) return Napi::BigInt::New(env, value.toInt());
  if (value.isDouble()) return Napi::Number::New(env, value.toDouble());
  if (value.isBool()) return Napi::Boolean::New(env, value.toBool());
  if (value.isString()) return Napi::String::New(env, value.toStringRef());
  if (value.isNone()) return env.Null();
  throw TorchError(env, "TORCH_INVALID_ARGUMENT",
                   "The operator gives a " + value.tagKind() + ", which has no form here");
}

// callAten(schema, ...arguments): the results in an array, null for one that is an argument written into. An argument
// that is undefined, or left out, has its default.
Napi::Value CallAten(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = Arguments(info, "callAten").String(0, "schema");
  const std::optional<c10::OperatorHandle> operation = engine::FindOperator(name);
  if (!operation) throw Expected(env, "an operator of this libtorch", "schema");

  const c10::FunctionSchema& schema = operation->schema();
  if (info.Length() > schema.arguments().size() + 1) throw Expected(env, "fewer arguments", name);
  torch::jit::Stack stack;
  for (size_t i = 0; i < schema.arguments().size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    const Napi::Value value = info[i + 1];
    if (value.IsUndefined() && argument.default_value()) {
      stack.push_back(*argument.default_value());
    } else {
      stack.push_back(engine::ReadValue({value, argument.name()}, argument));
    }
  }

  operation->callBoxed(stack);
  Napi::Array results = Napi::Array::New(env);
  for (size_t i = 0; i < stack.size(); ++i) {
    const bool is_argument = i < schema.returns().size() && IsWritten(schema.returns()[i]);
    results.Set(results.Length(), is_argument ? env.Null() : WrapResult(env, stack[i]));
  }
  return results;
}

}  // namespace

void InitAten(Napi::Env env, Napi::Object exports) {
  Export<AtenSchema>(env, exports, "atenSchema");
  Export<CallAten>(env, exports, "callAten");
}

}  // namespace napi_torch
