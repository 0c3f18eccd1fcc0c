// Reads the parts of a specification that stand for values of libtorch.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <c10/core/Device.h>

#include <optional>
#include <string>

#include "spec_reader.h"

namespace napi_torch::engine {

// The operator of a name and overload, such as `aten::softmax.int`.
std::optional<c10::OperatorHandle> FindOperator(const std::string& schema);

// Whether a type is Tensor or Tensor?.
bool TakesTensor(const c10::TypePtr& type);

at::ScalarType ReadDType(const SpecReader& spec);

// A device, with its index. Throws TORCH_CUDA_UNAVAILABLE where the machine lacks it.
at::Device ReadDevice(const SpecReader& spec);

// A tensor on `device`.
at::Tensor ReadTensor(const SpecReader& spec, const at::Device& device);

// An argument of an operator that is not a tensor, as a value of the type that the schema of the operator declares. One
// number stands for a list of a declared length, such as int[2].
c10::IValue ReadLiteral(const SpecReader& spec, const c10::Argument& argument);

// An argument of an operator: a tensor of whatever device, a list of tensors, or a literal.
c10::IValue ReadValue(const SpecReader& spec, const c10::Argument& argument);

}  // namespace napi_torch::engine
