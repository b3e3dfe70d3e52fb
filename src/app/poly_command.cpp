/// `orbitmill poly`: what algebra knows of a polynomial or a linear register; walks nothing.
#include <iostream>

#include "orbitmill/app/application.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/polynomial_report.hpp"

namespace orbitmill {

int run_poly(const CommandLine& command_line) {
  const Register reg = resolve_register(command_line.options.reg);
  if (!reg.feedback().is_affine()) {
    throw JobError(
        "poly: the feedback has products, and only linear and affine registers have a "
        "characteristic polynomial; use `orbitmill decompose`");
  }
  const ClosedForm form = closed_form(reg);
  if (command_line.format == "json") {
    print_json(std::cout, reg, form);
  } else {
    print_text(std::cout, reg, form);
  }
  std::cout.flush();
  if (!std::cout) throw IoError("cannot write to standard output");
  return 0;
}

}  // namespace orbitmill
