/// jobs/SCHEMA.md describes what is written here, name by name; tests/cli/campaign_test.py
/// compares.
#include <mpi.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <functional>
#include <system_error>

#include "agreement.hpp"
#include "hdf5_values.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "orbitmill/results/campaign_file.hpp"
#include "output_path.hpp"
#include "record_image.hpp"
#include "table_writer.hpp"

namespace orbitmill {
namespace {

/// Extents of the big tables.
struct CampaignExtents {
  std::uint64_t rows = 0, feedback = 0, canonical = 0, reason = 0, entries = 0;
  std::uint64_t list = 0, list_text = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& rows& feedback& canonical& reason& entries& list& list_text;
  }
};

/// A column of texts or lists of different lengths: the parts one after the other, and where each
/// begins.
template <class Value>
struct RaggedColumn {
  std::vector<std::uint64_t> offsets;
  std::vector<Value> values;

  void start_row() { offsets.push_back(values.size()); }
  void add_text(std::string_view text) {
    start_row();
    values.insert(values.end(), text.begin(), text.end());
  }
  /// Makes offsets global. The last rank that has rows adds the closing one, rank 0 that of an
  /// empty table. Returns the size of the whole. Collective.
  std::uint64_t place(const boost::mpi::communicator& comm, bool closes) {
    const auto own = static_cast<std::uint64_t>(values.size());
    first = boost::mpi::scan(comm, own, std::plus<>()) - own;
    for (std::uint64_t& offset : offsets) offset += first;
    if (closes) offsets.push_back(first + own);
    return boost::mpi::all_reduce(comm, own, std::plus<>());
  }
  std::uint64_t first = 0;  ///< position of values[0] in the whole
};

std::string text_of_key(std::string_view key) {
  return print_anf(register_of_key(key).feedback);
}

/// Everything of this rank that goes into the tables.
struct RankColumns {
  std::vector<std::uint64_t> order, length;
  RaggedColumn<char> feedback, canonical, reason;
  RaggedColumn<std::uint64_t> cycle_length;
  std::vector<std::uint64_t> cycle_count;
  RaggedColumn<char> list_text;

  explicit RankColumns(const CampaignRows& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const CampaignRow row = rows[i];
      const KeyedRegister reg = register_of_key(row.canonical);
      order.push_back(reg.field_order);
      length.push_back(reg.length);
      canonical.add_text(print_anf(reg.feedback));
      feedback.add_text(row.asked == row.canonical ? print_anf(reg.feedback)
                                                   : text_of_key(row.asked));
      reason.add_text(row.reason);
      cycle_length.start_row();
      for (const HistogramEntry& entry : row.histogram) {
        cycle_length.values.push_back(entry.length);
        cycle_count.push_back(entry.count);
      }
    }
  }
};

template <class Value>
ColumnPart part_of(const char* name, hid_t type, std::uint64_t first,
                   const std::vector<Value>& values) {
  return {name,
          type,
          sizeof(Value),
          first,
          values.size(),
          nullptr,
          reinterpret_cast<const std::byte*>(values.data())};
}

void write_run(hid_t file, const CampaignRecord& record) {
  const RunInfo& run = record.run;
  const Hdf5Handle group = make_group(file, "run");
  const hid_t id = group.get();
  write_provenance(id, run);
  write_text(id, "start_utc", run.start_utc);
  write_text(id, "end_utc", run.end_utc);
  write_text(id, "schedule_asked", run.schedule_asked);
  write_text(id, "schedule", run.schedule);
  write_text(id, "schedule_reason", run.schedule_reason);
  write_real(id, "elapsed_s", run.elapsed_s);
  write_column(id, "hosts", run.hosts);
  write_column(id, "unit_decision", record.decisions);
  std::vector<std::string> phases, filters;
  std::vector<double> phase_seconds, filter_seconds;
  std::vector<std::uint64_t> entered, settled;
  for (const PhaseTime& phase : run.phases) {
    phases.push_back(phase.name);
    phase_seconds.push_back(phase.seconds);
  }
  for (const FilterCount& filter : record.filters) {
    filters.push_back(filter.name);
    entered.push_back(filter.entered);
    settled.push_back(filter.settled);
    filter_seconds.push_back(filter.seconds);
  }
  write_column(id, "phase_name", phases);
  write_column(id, "phase_seconds", phase_seconds);
  write_column(id, "filter_name", filters);
  write_column(id, "filter_entered", entered);
  write_column(id, "filter_settled", settled);
  write_column(id, "filter_seconds", filter_seconds);
}

void write_families(hid_t file, const CampaignRecord& record) {
  std::vector<std::string> forms, ranges;
  std::vector<std::uint64_t> lengths, combinations, registers, filtered, kept;
  for (const FamilyRecord& family : record.families) {
    forms.push_back(family.form);
    ranges.push_back(family.ranges);
    lengths.push_back(family.length);
    combinations.push_back(family.count.combinations);
    registers.push_back(family.count.registers);
    filtered.push_back(family.count.filtered);
    kept.push_back(family.count.kept);
  }
  const Hdf5Handle group = make_group(file, "forms");
  write_column(group.get(), "form", forms);
  write_column(group.get(), "length", lengths);
  write_column(group.get(), "ranges", ranges);
  write_column(group.get(), "combinations", combinations);
  write_column(group.get(), "registers", registers);
  write_column(group.get(), "filtered", filtered);
  write_column(group.get(), "kept", kept);
}

void write_unreadable(hid_t file, const CampaignRecord& record) {
  std::vector<std::uint64_t> sources, lines;
  std::vector<std::string> texts, reasons;
  for (const UnreadableEntry& entry : record.unreadable) {
    sources.push_back(entry.source);
    lines.push_back(entry.line);
    texts.push_back(entry.text);
    reasons.push_back(entry.reason);
  }
  const Hdf5Handle group = make_group(file, "unreadable");
  write_column(group.get(), "source", sources);
  write_column(group.get(), "line", lines);
  write_column(group.get(), "text", texts);
  write_column(group.get(), "reason", reasons);
}

void make_registers(hid_t file, const CampaignExtents& extents, CampaignTask task) {
  const Hdf5Handle group = make_group(file, "registers");
  const hid_t id = group.get();
  for (const char* name : {"field_order", "length", "longest_cycle", "cycles", "checksum"}) {
    make_table(id, name, H5T_STD_U64LE, extents.rows);
  }
  make_table(id, "verdict", H5T_STD_U8LE, extents.rows);
  make_table(id, "certified", H5T_STD_U8LE, extents.rows);
  for (const auto& [offset, text, bytes] :
       {std::tuple{"feedback_offset", "feedback", extents.feedback},
        {"canonical_offset", "canonical", extents.canonical},
        {"reason_offset", "reason", extents.reason}}) {
    make_table(id, offset, H5T_STD_U64LE, extents.rows + 1);
    make_table(id, text, H5T_STD_U8LE, bytes);
  }
  if (task != CampaignTask::decompose) return;
  const Hdf5Handle histograms = make_group(file, "histograms");
  make_table(histograms.get(), "offset", H5T_STD_U64LE, extents.rows + 1);
  make_table(histograms.get(), "length", H5T_STD_U64LE, extents.entries);
  make_table(histograms.get(), "count", H5T_STD_U64LE, extents.entries);
}

void make_list(hid_t file, const CampaignExtents& extents) {
  const Hdf5Handle group = make_group(file, "list");
  for (const char* name : {"source", "line", "row", "field_order", "length"}) {
    make_table(group.get(), name, H5T_STD_U64LE, extents.list);
  }
  make_table(group.get(), "outcome", H5T_STD_U8LE, extents.list);
  make_table(group.get(), "canonical_offset", H5T_STD_U64LE, extents.list + 1);
  make_table(group.get(), "canonical", H5T_STD_U8LE, extents.list_text);
}

std::vector<std::byte> campaign_image(const CampaignRecord& record,
                                      const CampaignExtents& extents) {
  return make_image([&](hid_t id) {
    write_text(id, "filetype", campaign_filetype);
    write_pair(id, "version", campaign_version_major, campaign_version_minor);
    write_text(id, "title", record.title);
    const Hdf5Handle campaign = make_group(id, "campaign");
    write_text(campaign.get(), "task", name_of(record.task));
    write_text(campaign.get(), "filter", record.filter);
    write_number(campaign.get(), "registers", record.rows);
    write_number(campaign.get(), "failed", record.failed);
    write_number(campaign.get(), "maximum_period", record.maximum);
    write_number(campaign.get(), "de_bruijn", record.de_bruijn);
    const Hdf5Handle fields = make_group(id, "fields");
    std::vector<std::uint64_t> orders;
    std::vector<std::string> moduli;
    for (const FieldRecord& field : record.fields) {
      orders.push_back(field.order);
      moduli.push_back(field.modulus);
    }
    write_column(fields.get(), "order", orders);
    write_column(fields.get(), "modulus", moduli);
    write_families(id, record);
    write_unreadable(id, record);
    make_registers(id, extents, record.task);
    if (record.has_list) make_list(id, extents);
    write_run(id, record);
    write_profile(id, record.profile);
    const Hdf5Handle profile = open_group(id, "profile");
    make_table(profile.get(), "register_seconds", H5T_IEEE_F64LE, extents.rows);
    make_table(profile.get(), "register_witness", H5T_STD_U64LE, extents.rows);
  });
}

/// One row column, made on demand.
template <class Value, class Member>
ColumnPart row_column(const char* name, hid_t type, const CampaignSlice& slice, Member member) {
  return make_part<Value>(name, type, slice.first_row, slice.rows.size(),
                          [&rows = slice.rows, member](std::uint64_t i) {
                            return static_cast<Value>(rows[i].*member);
                          });
}

}  // namespace

std::vector<std::uint64_t> rows_of_list(const boost::mpi::communicator& comm,
                                        const CampaignSlice& slice, const RegisterList& list) {
  std::vector<std::uint64_t> rows(list.size(), RegisterList::none);
  for (std::size_t i = 0; i < slice.rows.size(); ++i) {
    const std::uint64_t entry = list.find(slice.rows[i].canonical);
    if (entry != RegisterList::none) rows[entry] = slice.first_row + i;
  }
  constexpr std::uint64_t piece = std::uint64_t{1} << 26;
  for (std::uint64_t first = 0; first < rows.size(); first += piece) {
    const auto count = static_cast<int>(std::min(piece, rows.size() - first));
    MPI_Reduce(comm.rank() == 0 ? MPI_IN_PLACE : rows.data() + first, rows.data() + first, count,
               MPI_UINT64_T, MPI_MIN, 0, comm);
  }
  return rows;
}

void write_campaign(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                    bool overwrite, const CampaignRecord& record, const CampaignListTable& list,
                    const CampaignSlice& slice) {
  const bool root = comm.rank() == 0;
  const std::uint64_t own_rows = slice.rows.size();
  const bool closes = own_rows == 0 ? slice.total_rows == 0 && root
                                    : slice.first_row + own_rows == slice.total_rows;
  RankColumns columns(slice.rows);
  CampaignExtents extents;
  extents.rows = slice.total_rows;
  extents.feedback = columns.feedback.place(comm, closes);
  extents.canonical = columns.canonical.place(comm, closes);
  extents.reason = columns.reason.place(comm, closes);
  extents.entries = columns.cycle_length.place(comm, closes);
  // The list is root's alone; the other ranks take part with nothing.
  std::vector<std::uint64_t> list_order, list_length, list_row;
  std::vector<std::uint8_t> list_outcome;
  for (const ListEntry& entry : list.entries) {
    const bool readable = entry.entry != RegisterList::none;
    const KeyedRegister reg =
        readable ? register_of_key(list.list->canonical(entry.entry)) : KeyedRegister{};
    const ListOutcome outcome = readable ? (*list.outcomes)[entry.entry] : ListOutcome::unreadable;
    list_order.push_back(reg.field_order);
    list_length.push_back(reg.length);
    list_outcome.push_back(static_cast<std::uint8_t>(outcome));
    list_row.push_back(outcome == ListOutcome::row ? list.rows[entry.entry] : RegisterList::none);
    columns.list_text.add_text(readable ? print_anf(reg.feedback) : "");
  }
  extents.list = list.entries.size();
  extents.list_text = columns.list_text.place(comm, root);
  CampaignTask task = record.task;
  bool has_list = record.has_list;
  boost::mpi::broadcast(comm, has_list, 0);
  auto task_number = static_cast<unsigned>(task);
  boost::mpi::broadcast(comm, task_number, 0);
  task = static_cast<CampaignTask>(task_number);

  std::vector<ColumnPart> parts;
  const std::uint64_t first = slice.first_row;
  const hid_t word = H5T_NATIVE_UINT64, byte = H5T_NATIVE_UINT8;
  parts.push_back(part_of("registers/field_order", word, first, columns.order));
  parts.push_back(part_of("registers/length", word, first, columns.length));
  parts.push_back(row_column<std::uint64_t>("registers/longest_cycle", word, slice,
                                            &CampaignRow::longest_cycle));
  parts.push_back(row_column<std::uint64_t>("registers/cycles", word, slice, &CampaignRow::cycles));
  parts.push_back(
      row_column<std::uint64_t>("registers/checksum", word, slice, &CampaignRow::checksum));
  parts.push_back(
      row_column<std::uint8_t>("registers/verdict", byte, slice, &CampaignRow::verdict));
  parts.push_back(
      row_column<std::uint8_t>("registers/certified", byte, slice, &CampaignRow::certified));
  const auto add_text = [&](const char* offset, const char* name, std::uint64_t row,
                            const RaggedColumn<char>& column) {
    parts.push_back(part_of(offset, word, row, column.offsets));
    parts.push_back(part_of(name, byte, column.first, column.values));
  };
  add_text("registers/feedback_offset", "registers/feedback", first, columns.feedback);
  add_text("registers/canonical_offset", "registers/canonical", first, columns.canonical);
  add_text("registers/reason_offset", "registers/reason", first, columns.reason);
  if (task == CampaignTask::decompose) {
    parts.push_back(part_of("histograms/offset", word, first, columns.cycle_length.offsets));
    parts.push_back(part_of("histograms/length", word, columns.cycle_length.first,
                            columns.cycle_length.values));
    parts.push_back(
        part_of("histograms/count", word, columns.cycle_length.first, columns.cycle_count));
  }
  if (has_list) {
    const std::vector<ListEntry>& entries = list.entries;
    const auto entry_column = [&](const char* name, auto member) {
      parts.push_back(make_part<std::uint64_t>(
          name, word, 0, entries.size(),
          [&entries, member](std::uint64_t i) { return entries[i].*member; }));
    };
    entry_column("list/source", &ListEntry::source);
    entry_column("list/line", &ListEntry::line);
    parts.push_back(part_of("list/row", word, 0, list_row));
    parts.push_back(part_of("list/field_order", word, 0, list_order));
    parts.push_back(part_of("list/length", word, 0, list_length));
    parts.push_back(part_of("list/outcome", byte, 0, list_outcome));
    add_text("list/canonical_offset", "list/canonical", 0, columns.list_text);
  }
  parts.push_back(row_column<double>("profile/register_seconds", H5T_NATIVE_DOUBLE, slice,
                                     &CampaignRow::seconds));
  parts.push_back(
      row_column<std::uint64_t>("profile/register_witness", word, slice, &CampaignRow::witness));

  std::string temporary;  // of all ranks, named by rank 0
  try {
    together(comm, [&] {
      if (!root) return;
      const std::vector<std::byte> image = campaign_image(record, extents);
      const std::string name = temporary_name(path).string();
      create_temporary(name, path, image);
      temporary = name;
    });
    boost::mpi::broadcast(comm, temporary, 0);
    // Columns made on demand are held plain and deflated by HDF5; a campaign has many rows already.
    TransferOptions options;
    options.max_bytes_per_call = std::uint64_t{32} << 20;
    write_columns(comm, temporary, path, parts, options);
    together(comm, [&] {
      if (root) publish(temporary, path, overwrite);
    });
  } catch (...) {
    std::error_code ignored;  // the first error is the one to tell
    if (root && !temporary.empty()) std::filesystem::remove(temporary, ignored);
    throw;
  }
}

}  // namespace orbitmill
